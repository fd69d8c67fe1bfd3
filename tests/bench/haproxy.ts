/**
 * HAProxy as the benchmarks of the probes measure it, and what they measure of a process.
 *
 * @module
 */

/** What a process cost. */
export interface Cost {
  /** Processor time a check, in microseconds. */
  readonly cpuUs: number;
  /** Resident memory at the end, in MiB. */
  readonly rssMib: number;
}

/** Null if HAProxy is there. */
export const noHaproxy: string | null = (() => {
  try {
    new Deno.Command("haproxy", { args: ["-v"], stdout: "null", stderr: "null" }).outputSync();
    return null;
  } catch {
    return "no haproxy installed";
  }
})();

/** Waits, in seconds. */
export const sleep = (s: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, s * 1000));

/** Address of the `i`-th backend. */
export const addressOf = (i: number): string => `127.66.${Math.floor(i / 250)}.${1 + i % 250}`;

/** Fields of a `stat` file of /proc from the third on. */
function fields(path: string): string[] {
  const text = Deno.readTextFileSync(path);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Processor time of a process so far, in microseconds; the kernel counts hundredths of a second. */
export function cpuOf(pid: number): number {
  const stat = fields(`/proc/${pid}/stat`);
  return (Number(stat[11]) + Number(stat[12])) * 10_000;
}

/** The same by the names of its threads. */
export function cpuByThread(pid: number): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const stat = fields(`/proc/${pid}/task/${name}/stat`);
      const thread = Number(name) === pid
        ? "main"
        : Deno.readTextFileSync(`/proc/${pid}/task/${name}/comm`).trim();
      sums.set(thread, (sums.get(thread) ?? 0) + (Number(stat[11]) + Number(stat[12])) * 10_000);
    } catch { /* it has ended */ }
  }
  return sums;
}

/** Resident memory of a process, in MiB. */
export function rssOf(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** How HAProxy's probes use TLS; it resumes sessions, as the product's do. */
export interface Tls {
  /** Certificates that are trusted, PEM. */
  readonly caFile: string;
  /** Name that is asked for and checked. */
  readonly name: string;
}

function configuration(
  type: "http" | "tcp",
  count: number,
  port: number,
  socket: string,
  tls: Tls | null,
): string {
  const how = type === "http"
    ? "option httpchk GET /\n http-check expect status 200-399"
    : "option tcp-check";
  const secure = tls === null
    ? ""
    : ` check-ssl verify required ca-file ${tls.caFile} verifyhost ${tls.name} check-sni ${tls.name}`;
  const servers = Array.from(
    { length: count },
    (_, i) => ` server s${i} ${addressOf(i)}:${port} check inter 1s${secure}`,
  );
  return [
    "global",
    " nbthread 1",
    // Checks are not counted. For 4,000 it wants 8,000 descriptors more, which many a machine refuses at 16,000 servers.
    " maxconn 1000",
    "defaults",
    ` mode ${type}`,
    " timeout connect 1s",
    " timeout check 1s",
    " timeout client 10s",
    " timeout server 10s",
    "backend b",
    ` ${how}`,
    ...servers,
    // Without a listener it ends at once.
    "frontend f",
    ` bind unix@${socket}`,
    " default_backend b",
    "",
  ].join("\n");
}

/** Runs HAProxy with `count` checks a second. It gets `warm` seconds before `seconds` are counted. */
export async function haproxy(
  type: "http" | "tcp",
  count: number,
  port: number,
  warm: number,
  seconds: number,
  tls: Tls | null = null,
): Promise<Cost> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/haproxy.cfg`;
  await Deno.writeTextFile(path, configuration(type, count, port, `${folder}/socket`, tls));
  const child = new Deno.Command("haproxy", { args: ["-f", path, "-db"], stdout: "null", stderr: "null" })
    .spawn();
  try {
    await sleep(warm);
    const before = cpuOf(child.pid);
    const start = performance.now();
    await sleep(seconds);
    const checks = count * (performance.now() - start) / 1000;
    const cpuUs = (cpuOf(child.pid) - before) / checks;
    return { cpuUs, rssMib: rssOf(child.pid) };
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
}

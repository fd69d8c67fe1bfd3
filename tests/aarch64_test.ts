/**
 * The unsafe code and the daemon on aarch64, run by an emulator. The numbers of the kernel differ there, and what is
 * wrong with them shows only where they are used.
 */
import assert from "node:assert/strict";
import type { Backend, ConfigCheck } from "../src/api/mod.ts";
import { project, TestDaemon } from "./e2e/harness.ts";
import { TcpServers } from "./e2e/tcp_servers.ts";
import { Certificates } from "./probes/certificates.ts";
import { noOpenssl, noRawSockets, testWith } from "./probes/needs.ts";
import { optionalTool } from "./tool.ts";

const EMULATOR = "qemu-aarch64-static";
/** Where libc6-arm64-cross puts its C library. */
const SYSTEM = "/usr/aarch64-linux-gnu";

/** A folder made by .ci/aarch64. */
const folder = Deno.env.get("MAGLEV_TEST_AARCH64") ?? "";
const emulator = optionalTool(EMULATOR);

function lacking(): string | null {
  if (folder === "") return "MAGLEV_TEST_AARCH64 names no folder made by .ci/aarch64";
  if (emulator.missing) return `${EMULATOR} is not installed`;
  try {
    Deno.statSync(`${SYSTEM}/lib/ld-linux-aarch64.so.1`);
    return null;
  } catch {
    return "libc6-arm64-cross is not installed";
  }
}
const noAarch64 = lacking();

/** The tests take two minutes on a machine of two processors. */
const standstillMs = 300_000;

/** The command that runs Deno of aarch64, as arguments of the emulator. */
const deno = ["-L", SYSTEM, "-E", `LD_LIBRARY_PATH=${folder}/lib`, `${folder}/deno`];

interface Emulated {
  readonly success: boolean;
  readonly output: string;
}

async function emulated(...args: string[]): Promise<Emulated> {
  return await oneRun(args, new AbortController().signal);
}

/** Runs it again where it stands still: a child that the emulator starts may wait for a lock that nobody holds. */
async function again(...args: string[]): Promise<Emulated> {
  for (let tries = 1;; tries++) {
    const limit = AbortSignal.timeout(standstillMs);
    const run = await oneRun(args, limit);
    if (!limit.aborted || tries === 3) return run;
  }
}

async function oneRun(args: readonly string[], signal: AbortSignal): Promise<Emulated> {
  const child = new Deno.Command(EMULATOR, {
    args: [...deno, ...args],
    env: { MAGLEV_TEST_EMULATED: "1", NO_COLOR: "1", MAGLEV_TEST_AARCH64: "" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const kill = () => {
    const { stdout } = new Deno.Command("pgrep", { args: ["-P", String(child.pid)] }).outputSync();
    // Its children hold its pipes open.
    for (const pid of new TextDecoder().decode(stdout).split("\n").filter(Boolean)) stop(Number(pid));
    stop(child.pid);
  };
  signal.addEventListener("abort", kill, { once: true });
  try {
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

function stop(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

testWith([noAarch64], "aarch64: the tests of the unsafe code pass", async () => {
  const { output: architecture } = await emulated("eval", "console.log(Deno.build.arch)");
  assert.equal(architecture, "aarch64\n");
  const files = ["addresses", "constants", "icmp", "limits", "reactor", "sockaddr", "tls"]
    .map((name) => project(`tests/ffi/${name}_test.ts`));
  const tests = [...files, project("tests/vpp/ffi_test.ts"), project("tests/probes/tcp_test.ts")];
  const { success, output } = await again("test", "--no-check", "--no-lock", "-A", ...tests);
  assert.ok(success, output);
  const passed = Number(/^ok \| (\d+) passed/m.exec(output)?.[1]);
  assert.ok(passed >= 35, output);
});

/** Checks the daemon's file in a thread of its own. It has 10 s, in which the emulator may only get to start it. */
async function checked(daemon: TestDaemon): Promise<void> {
  const response = await fetch(`${daemon.api}/v1/config/check`, {
    method: "POST",
    headers: { authorization: `Bearer ${daemon.token}` },
  });
  const answer = await response.text();
  if (response.status === 503 && answer.includes("the check was not done after 10 s")) return;
  assert.equal(response.status, 200, answer);
  assert.equal((JSON.parse(answer) as ConfigCheck).ok, true, answer);
}

testWith([noAarch64], "aarch64: a configuration is checked", async () => {
  const example = project("docs/examples/maglev.yaml");
  const { output } = await emulated(
    "run",
    "--no-code-cache",
    "-A",
    project("main.ts"),
    "--check",
    "--config",
    example,
  );
  assert.ok(output.includes(`${example}: ok\n`), output);
});

testWith(
  [noAarch64, noOpenssl, noRawSockets],
  "aarch64: the daemon starts, probes by every type, answers /metrics, and checks a configuration",
  async () => {
    using certificates = new Certificates();
    const { cert, key } = certificates.issue("server", "IP:127.77.64.1");
    // A body that is searched outside the probe thread.
    const body = "x".repeat(20_000) + "ready";
    const handler = () => new Response(body);
    const hostname = "127.77.64.1";
    const onListen = () => {};
    await using web = Deno.serve({ hostname, port: 0, onListen }, handler);
    await using secure = Deno.serve({
      hostname,
      port: 0,
      onListen,
      cert: await Deno.readTextFile(cert),
      key: await Deno.readTextFile(key),
    }, handler);
    using plain = new TcpServers([hostname]);
    const often = "interval: 1s, timeout: 20s, rise: 1";
    const config = `maglev:
  healthchecks:
    icmp: { type: icmp, ${often} }
    tcp: { type: tcp, port: ${plain.port}, ${often} }
    ssl: { type: tcp, port: ${secure.addr.port}, ${often}, params: { ssl: true, ca-file: ${certificates.ca} } }
    http: { type: http, port: ${web.addr.port}, ${often}, params: { response-regexp: "x+ready$" } }
    https: { type: https, port: ${secure.addr.port}, ${often}, params: { ca-file: ${certificates.ca} } }
  backends:
${
      ["icmp", "tcp", "ssl", "http", "https"].map((type) =>
        `    ${type}: { address: ${hostname}, healthcheck: ${type} }\n`
      ).join("")
    }
  frontends:
${
      ["icmp", "tcp", "ssl", "http", "https"].map((type, i) =>
        `    ${type}: { address: 198.51.100.${i}, pools: [{ name: p, backends: { ${type}: {} } }] }\n`
      ).join("")
    }
  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: "2001:db8::1" } }
`;
    const command = await Deno.makeTempFile({ prefix: "maglev-test-" });
    await using _ = { [Symbol.asyncDispose]: () => Deno.remove(command) };
    const run = [EMULATOR, ...deno, "run", "--no-code-cache", "-A", project("main.ts")];
    await Deno.writeTextFile(command, `#!/bin/sh\nexec ${run.map((word) => `'${word}'`).join(" ")} "$@"\n`);
    await Deno.chmod(command, 0o755);
    await using daemon = await TestDaemon.start({
      config,
      vpp: null,
      command,
      env: Deno.env.toObject(),
      patienceMs: 120_000,
    });
    for (const backend of ["icmp", "tcp", "ssl", "http", "https"]) {
      await daemon.logged((line) =>
        line.msg === "backend-transition" && line.backend === backend && line.to !== "unknown"
      );
      const { state, last_probe: last } = await daemon.get<Backend>(`/v1/backends/${backend}`);
      assert.deepEqual([backend, state], [backend, "up"], JSON.stringify(last));
    }
    const metrics = await (await fetch(`${daemon.api}/metrics`)).text();
    assert.ok(Number(/^process_open_fds (\d+)$/m.exec(metrics)?.[1]) > 10, metrics);
    await checked(daemon);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.status()).code, 0);
    assert.deepEqual(daemon.log.filter(({ level }) => level === "ERROR"), []);
  },
);

/**
 * Failures of the daemon's own host or rights while it runs: no backend goes down for them, VPP is told nothing,
 * and the daemon says of itself that it is blind.
 */
import assert from "node:assert/strict";
import type { Backend } from "../../src/api/mod.ts";
import { lines } from "../../src/lines.ts";
import { textOf } from "../metrics/pieces.ts";
import { Namespace } from "../probes/namespaces.ts";
import { noNamespaces, noSetpriv, run, testWith } from "../probes/needs.ts";
import { project, TestDaemon } from "./harness.ts";
import { JumpClock } from "./jump_clock.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { TcpServers } from "./tcp_servers.ts";
import { lbSettings, Vpp } from "./world.ts";

/** A process that listens on a port inside a namespace. */
class Inside implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #drained: Promise<void>;

  private constructor(child: Deno.ChildProcess, drained: Promise<void>) {
    this.#child = child;
    this.#drained = drained;
  }

  static async start(namespace: string): Promise<Inside> {
    // The kernel makes an IPv6 address usable a moment after it was given.
    const script = `for (const hostname of ["127.0.0.1", "fd77::1"]) {
      for (let tries = 0;; tries++) {
        try {
          Deno.serve({ hostname, port: 80, onListen: () => console.log("here") }, () => new Response("fine"));
          break;
        } catch (error) {
          if (tries > 200) throw error;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    }`;
    const child = new Deno.Command("ip", {
      args: ["netns", "exec", namespace, Deno.execPath(), "eval", script],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const output = lines(child.stdout);
    for (let count = 0; count < 2; count++) await output.next();
    const drained = (async () => {
      for await (const _ of output) { /* nothing more is said */ }
    })();
    return new Inside(child, drained);
  }

  /** Process id; the process is inside. */
  get pid(): number {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#drained;
  }
}

const sources = ["192.0.2.77/32", "fd77::77/128"] as const;

const kinds = ["tcp", "http", "icmp"] as const;

/** Backends of every kind of check and both families, all on loopback; one more is probed by nobody. */
function text(netns: string, source = ""): string {
  const often = `interval: 50ms, fast-interval: 20ms, timeout: 500ms, rise: 1, fall: 2${source}`;
  return `maglev:
${lbSettings}  healthchecker: { netns: ${JSON.stringify(netns)} }
  healthchecks:
    tcp: { type: tcp, port: 80, ${often} }
    http: { type: http, port: 80, ${often} }
    icmp: { type: icmp, ${often} }
  backends:
${kinds.map((kind) => `    ${kind}4: { address: 127.0.0.1, healthcheck: ${kind} }\n`).join("")}
${kinds.map((kind) => `    ${kind}6: { address: "fd77::1", healthcheck: ${kind} }\n`).join("")}
  frontends:
${
    [4, 6].flatMap((family) =>
      kinds.map((kind, i) =>
        `    f${kind}${family}: { address: 198.51.100.${family}${i}, pools: [{ name: p, backends: { ${kind}${family}: {} } }] }\n`
      )
    ).join("")
  }`;
}

const names = [4, 6].flatMap((family) => kinds.map((kind) => `${kind}${family}`));

interface Scene {
  readonly daemon: LocalDaemon;
  readonly clock: JumpClock;
  readonly namespace: Namespace;
  /** Waits for `count` void results of this cause of every backend. */
  readonly voids: (cause: string) => Promise<void>;
  /** Asserts that nobody noticed. */
  readonly unnoticed: () => void;
}

/** Gives a namespace the backends' addresses and those that probes may come from. */
function addresses(namespace: Namespace): void {
  for (const address of ["fd77::1/128", sources[0], sources[1]]) {
    namespace.ip("addr", "add", address, "dev", "lo", "nodad");
  }
}

/** Everything up and VPP in sync in a namespace of its own, then `body`, then the end. */
async function inNamespace(
  source: string,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await using vpp = await Vpp.start();
  using namespace = new Namespace();
  addresses(namespace);
  await using _server = await Inside.start(namespace.name);
  const clock = new JumpClock();
  await using daemon = await LocalDaemon.start({
    config: text(namespace.name, source),
    vpp: vpp.paths,
    clock,
  });
  await daemon.logged(({ msg }) => msg === "ready");
  for (const name of names) await daemon.became(name, "up");
  await daemon.sync();
  const log = daemon.log.length;
  const mark = vpp.simulator.recorder.requests.length;
  await body({
    daemon,
    clock,
    namespace,
    async voids(cause) {
      const all = () => names.every((name) => daemon.control.backend(name)?.last_probe?.void === cause);
      for (let waited = 0; !all(); waited++) {
        assert.ok(
          waited < 3000,
          `every backend's result void for ${cause}: ${
            JSON.stringify(daemon.control.backends().map((b) => b.last_probe))
          }`,
        );
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    unnoticed() {
      assert.deepEqual(daemon.transitions(log), []);
      assert.deepEqual(vpp.told(mark), []);
      assert.ok(daemon.control.frontends().every(({ state }) => state === "up"));
    },
  });
}

testWith(
  [noNamespaces],
  "void: a network namespace that is deleted blinds the daemon and harms nobody",
  async () => {
    await inNamespace("", async ({ clock, daemon, namespace, unnoticed, voids }) => {
      const { control } = daemon;
      const { name } = namespace;
      using spare = new Namespace();
      addresses(spare);
      await using spareServer = await Inside.start(spare.name);
      namespace[Symbol.dispose]();
      await voids("netns");
      // Blindness takes its time; until then the daemon has nothing to answer for.
      assert.equal(control.ready().ready, true);
      let log = daemon.log.length;
      clock.jump(12_000);
      assert.deepEqual([control.ready().ready, control.ready().probes], [false, "blind"]);
      const reason = `network namespace ${name}: does not exist`;
      const [all, ...each] = control.ready().problems;
      assert.deepEqual([all?.severity, all?.kind, all?.text], [
        "critical",
        "all-blind",
        `all probed backends (${names.length}) are blind: ${reason}`,
      ]);
      assert.deepEqual(
        each.map(({ kind, object }) => [kind, object]),
        names.map((b) => ["backend-blind", b]),
      );
      for (const backend of control.backends()) {
        assert.deepEqual([backend.blind?.cause, backend.blind?.detail], ["netns", reason]);
      }
      const metrics = textOf(await control.metrics());
      for (const backend of names) {
        assert.ok(metrics.includes(`maglev_backend_blind{backend="${backend}"} 1`), backend);
      }
      assert.match(metrics, /maglev_probe_void_total\{cause="netns"\} [1-9]/);
      const told = () => daemon.log.slice(log).filter(({ msg }) => msg === "backend-blind");
      clock.jump(3_000);
      clock.jump(3_000);
      assert.deepEqual(told().map(({ backend }) => backend), daemon.control.backends().map((b) => b.name));
      assert.ok(
        told().every(({ blind, cause, detail, level }) =>
          level === "ERROR" && blind === true && cause === "netns" &&
          detail === `network namespace ${name}: does not exist`
        ),
      );
      unnoticed();

      log = daemon.log.length;
      run("ip", "netns", "attach", name, String(spareServer.pid));
      await daemon.until(() => told().length === names.length || undefined, () => "sight");
      assert.ok(told().every(({ blind, level }) => level === "INFO" && blind === false));
      assert.equal(control.ready().ready, true);
      unnoticed();
    });
  },
);

testWith([noNamespaces], "void: a source address that is taken from the host harms nobody", async () => {
  const source = ', probe-ipv4-src: 192.0.2.77, probe-ipv6-src: "fd77::77"';
  await inNamespace(source, async ({ daemon, namespace, unnoticed, voids }) => {
    for (const address of sources) namespace.ip("addr", "del", address, "dev", "lo");
    await voids("source-address");
    const { last_probe: last } = daemon.control.backend("tcp6") ?? {};
    assert.equal(
      last?.detail,
      "bind to source fd77::77: this host does not have the address (EADDRNOTAVAIL)",
    );
    unnoticed();
    for (const address of sources) namespace.ip("addr", "add", address, "dev", "lo", "nodad");
    const seen = () => names.every((name) => daemon.control.backend(name)?.last_probe?.void === null);
    for (let waited = 0; !seen(); waited++) {
      assert.ok(waited < 3000, "results that count");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    unnoticed();
  });
});

testWith([noSetpriv], "void: a daemon that comes back without its rights leaves VPP as it is", async () => {
  await using vpp = await Vpp.start();
  using servers = new TcpServers(["127.77.57.2"]);
  const config = `maglev:
${lbSettings}  healthchecks:
    icmp: { type: icmp, interval: 50ms, fast-interval: 20ms, rise: 1, fall: 1 }
    tcp: { type: tcp, port: ${servers.port}, interval: 50ms, fast-interval: 20ms, rise: 1, fall: 1 }
  backends:
    b1: { address: 127.77.57.1, healthcheck: icmp }
    b2: { address: 127.77.57.2, healthcheck: tcp }
  frontends:
    www: { address: 198.51.100.1, pools: [{ name: p, backends: { b1: {}, b2: { weight: 50 } } }] }
`;
  {
    await using daemon = await LocalDaemon.start({ config, vpp: vpp.paths });
    await daemon.logged(({ msg }) => msg === "ready");
    await daemon.became("b1", "up");
    await daemon.became("b2", "up");
    await daemon.sync();
  }
  const weights = vpp.weights();
  assert.deepEqual(Object.values(weights), [100, 50]);
  const mark = vpp.simulator.recorder.requests.length;
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  await using _ = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  const command = `${folder}/maglevd`;
  const run = `exec setpriv --bounding-set=-net_raw,-sys_admin '${Deno.execPath()}' run -A '${
    project("main.ts")
  }' "$@"`;
  await Deno.writeTextFile(command, `#!/bin/sh\n${run}\n`, { mode: 0o755 });
  await using daemon = await TestDaemon.start({ config, vpp: vpp.paths, command, env: Deno.env.toObject() });
  const line = await daemon.logged(({ msg }) => msg === "probe-void");
  assert.deepEqual([line.backend, line.cause], ["b1", "permission"]);
  assert.match(String(line.detail), /CAP_NET_RAW/);
  await daemon.logged(({ backend, msg, to }) =>
    msg === "backend-transition" && backend === "b2" && to === "up"
  );
  await daemon.logged(({ msg }) => msg === "ready");
  await daemon.send("POST", "/v1/vpp/lb/sync", {});
  // The next line comes a second later, with what was counted meanwhile.
  await daemon.logged(({ msg }) => msg === "probe-void", daemon.log.length);
  assert.deepEqual(daemon.log.filter(({ msg, to }) => msg === "backend-transition" && to !== "up"), []);
  assert.deepEqual(vpp.told(mark), []);
  assert.deepEqual(vpp.weights(), weights);
  const { state, last_probe: last } = await daemon.get<Backend>("/v1/backends/b1");
  assert.deepEqual([state, last?.void], ["unknown", "permission"]);
});

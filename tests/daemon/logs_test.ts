/**
 * Every record of the log that is promised, with the fields that are promised: the daemon is led through what can
 * happen to it, and the names that come are collected.
 */
import assert from "node:assert/strict";
import { TestDaemon } from "../e2e/harness.ts";
import { Backends, lbSettings, Vpp, wwwConfig } from "../e2e/world.ts";
import { fasterClock, Inside, type Line } from "./inside.ts";

/** Fields of each record; `?` marks one that stands only where there is something to tell. */
const promised: Readonly<Record<string, string>> = {
  "starting": "version commit deno pid config",
  "config-loaded": "config healthchecks backends frontends",
  "config-reload": "config? ok? by? changes? errors? detail? weights? backend? state?",
  "config-error": "file line column path error hint?",
  "listening": "address connections auth tls only?",
  "ready": "after_ms",
  "probe-start": "backend type",
  "probe-done": "backend ok code detail total_ms lag_ms void",
  "probe-void": "backend cause detail count",
  "backend-blind": "backend blind cause? missing? detail hint? silent_ms? serves_meanwhile?",
  "backend-transition": "backend from to code detail by?",
  "frontend-transition": "frontend from to active_pool reason",
  "vpp-connect": "version build_date build_directory pid boot_time",
  "vpp-disconnect": "reason",
  "vpp-conflict": "reason clients",
  "vpp-api-send": "message context *",
  "vpp-api-recv": "message context retval *",
  "vpp-api-send-multi": "message context count *",
  "vpp-api-recv-multi": "message context count",
  "vpp-lb-conf-set":
    "ipv4_src_address ipv6_src_address sticky_buckets_per_core flow_timeout reason retval traffic_affecting? error?",
  "vpp-lbsync-start": "scope frontend frontends? changes",
  "vpp-lbsync-done":
    "scope frontend frontends? done? failed? skipped? error? conf_set? vip_added? vip_removed? vip_recreated? as_added? as_removed? as_weight_updated?",
  "vpp-lbsync-vip-add": "frontend vip protocol port reason retval error? traffic_affecting?",
  "vpp-lbsync-vip-del": "frontend origin vip protocol port reason retval error? traffic_affecting?",
  "vpp-lbsync-vip-recreate": "frontend vip protocol port reason retval error? traffic_affecting?",
  "vpp-lbsync-as-add":
    "frontend vip protocol port address backend from to flush reason retval error? traffic_affecting?",
  "vpp-lbsync-as-del":
    "frontend vip protocol port address backend from to flush reason retval error? traffic_affecting?",
  "vpp-lbsync-as-weight":
    "frontend vip protocol port address backend from to flush reason by? retval error? traffic_affecting?",
  "vpp-lbsync-held": "held changes digest vips detail",
  "warmup-released": "frontend reason",
  "override-set": "id kind backend frontend? pool? weight? scope by claimed? reason? until?",
  "override-end": "id kind backend frontend? pool? weight? scope by cause detail",
  "override-sleep": "id kind backend frontend? pool? weight? scope by detail",
  "override-wake": "id kind backend frontend? pool? weight? scope by",
  "api-change": "principal claimed? peer method path before after seq chain",
  "unauthorized": "code peer principal? method path detail unlogged?",
  "local-token": "file? detail?",
  "unknown-variable": "variable detail",
  "listener-open": "address detail",
  "file-kept": "file error detail",
  "file-read": "file",
  "worker-restart": "reason probes_lost targets",
  "stopping": "forgets? paused? disabled? enabled? weights? signal? detail? journal_entries?",
};

const seen = new Map<string, Line[]>();

function collect(lines: readonly Line[]): void {
  for (const line of lines) seen.set(line.msg, [...(seen.get(line.msg) ?? []), line]);
}

const transition = (backend: string, to: string) => (line: Line) =>
  line.msg === "backend-transition" && line.backend === backend && line.to === to;

Deno.test("a day in the life: warm-up, syncs, refusals, reloads, operators, a VPP that goes and comes", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.90");
  const config = wwwConfig("77.90", servers.port).replaceAll("delay: 0s", "delay: 2s");
  {
    await using inside = await Inside.start({
      config,
      vpp: vpp.paths,
      clock: fasterClock(2),
      level: "debug",
      args: ["--listen", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"],
    });
    await inside.logged("warmup-released");
    await inside.logged("ready");
    await inside.logged((line) => line.msg.startsWith("vpp-lbsync-as-") && line.to === 100);
    await inside.synced();

    await servers.at(1).stop();
    await inside.logged(transition("b1", "down"));
    await servers.at(2).stop();
    await inside.logged((line) => line.msg === "frontend-transition" && line.active_pool === "fallback");
    await inside.send("POST", "/v1/backends/b3/pause");
    await inside.send("PUT", "/v1/frontends/www/pools/primary/backends/b1/weight", { weight: 1 });
    await inside.send("PUT", "/v1/frontends/www/pools/primary/backends/b2/weight", { weight: 2 });

    const reload = async (text: string, status = 200) => {
      await Deno.writeTextFile(inside.config, text);
      await inside.send("POST", "/v1/config/reload", undefined, status);
    };
    await reload(config.replace("rise: 2", "rise: 0"), 422);
    const other = `    other: { address: 198.51.100.11, pools: [{ name: p, backends: { b3: {} } }] }\n`;
    await reload(config + other);
    const without = config.replace(", b2: { weight: 50 }", "");
    for (const text of [without, config, without]) await reload(text);
    await reload(without.replace("port: 80\n", "port: 80\n      src-ip-sticky: true\n"));
    vpp.simulator.faults.add({ on: "lb_as_set_weight", outcome: { kind: "retval", retval: -6 }, times: 1 });
    await inside.send("POST", "/v1/backends/b3/resume");
    await inside.logged((line) => line.msg === "vpp-lbsync-as-weight" && line.retval === -6);

    await vpp.simulator.restart();
    await inside.logged("vpp-disconnect");
    await inside.synced();
    // Somebody else's VIPs are most of what is there: no sync deletes them by itself.
    const { lb } = vpp.simulator.vpp;
    for (let i = 0; i < 3; i++) {
      const foreign = {
        pfx: `203.0.113.${i}/32`,
        protocol: 6,
        port: 80,
        encap: 0,
        dscp: 0,
        type: 0,
      } as const;
      const rest = {
        target_port: 0,
        node_port: 0,
        new_flows_table_length: 1024,
        src_ip_sticky: false,
        is_del: false,
      };
      assert.equal(lb.lb_add_del_vip_v2({ ...foreign, ...rest }, 1), 0);
    }
    await reload(config);
    await inside.logged((line) => line.msg === "vpp-lbsync-held" && line.level === "ERROR");

    await using second = await Inside.start({ config, vpp: vpp.paths, clock: fasterClock(2) });
    await second.logged("vpp-conflict");
    collect(second.log);
    await inside.send("POST", "/v1/backends/b3/pause");
    await inside[Symbol.asyncDispose]();
    collect(inside.log);
  }
});

Deno.test("a host that cannot probe: void results, blind backends", async () => {
  const config = wwwConfig("77.91", 9).replace(
    "maglev:\n",
    "maglev:\n  healthchecker: { netns: maglev-nowhere }\n",
  )
    .replace("timeout: 2s", "timeout: 100ms");
  await using inside = await Inside.start({ config, vpp: null, clock: fasterClock(10), level: "debug" });
  const blind = await inside.logged("backend-blind");
  assert.deepEqual([blind.level, blind.cause], ["ERROR", "netns"]);
  collect(inside.log);
});

Deno.test("a probe worker without a sign of life is replaced", async () => {
  // So fast that ten looks are over before a worker has begun.
  await using inside = await Inside.start({
    config: wwwConfig("77.92", 9),
    vpp: null,
    clock: fasterClock(1000),
  });
  await inside.logged("worker-restart");
  collect(inside.log);
});

Deno.test("a process: what it says when it starts and ends", async () => {
  const config = `maglev:
${lbSettings}
  healthchecks: { unused: { type: icmp } }
  backends: { b1: { address: 127.77.93.1 } }
  frontends: { www: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;
  await using daemon = await TestDaemon.start({ config, vpp: null, until: "ready" });
  daemon.kill("SIGTERM");
  assert.equal((await daemon.status()).code, 0);
  assert.deepEqual(daemon.log.map((line) => [line.level, line.msg]), [
    ["INFO", "starting"],
    ["WARN", "config-error"],
    ["INFO", "config-loaded"],
    ["INFO", "local-token"],
    ["INFO", "backend-transition"],
    ["INFO", "frontend-transition"],
    ["INFO", "listening"],
    ["INFO", "ready"],
    ["INFO", "stopping"],
  ]);
  collect(daemon.log);
});

Deno.test("a process that is reached from outside: what it says of its listeners, tokens and files", async () => {
  const config = `maglev:
${lbSettings}
  healthchecks: {}
  backends: { b1: { address: 127.77.93.1 } }
  frontends: { www: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  try {
    const path = `${folder}/auth.yaml`;
    const good = `tokens: [{ name: noc, sha256: ${"ab".repeat(32)}, role: viewer }]\n`;
    await Deno.writeTextFile(path, good);
    await using daemon = await TestDaemon.start({
      config,
      vpp: null,
      args: ["--auth-file", path, "--listen", "0.0.0.0:0"],
      env: { MAGLEV_AUTH_FLIE: "x" },
      until: "ready",
    });
    const mark = daemon.log.length;
    await (await fetch(`${daemon.api}/v1/info`)).body?.cancel();
    await daemon.logged((line) => line.msg === "unauthorized");
    for (const [text, msg] of [["", "file-kept"], [good.replace("viewer", "admin"), "file-read"]] as const) {
      await Deno.writeTextFile(path, text);
      daemon.kill("SIGHUP");
      await daemon.logged((line) => line.msg === msg, mark);
    }
    assert.deepEqual(
      daemon.log.filter((line) => line.msg === "listening" || line.msg === "listener-open").map((
        line,
      ) => [line.level, String(line.address).replace(/\d+$/, ""), line.auth, line.tls]),
      [
        ["INFO", "127.0.0.1:", true, false],
        ["INFO", "0.0.0.0:", true, false],
        ["WARN", "0.0.0.0:", undefined, undefined],
      ],
    );
    collect(daemon.log);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every promised record came, each with its fields and no others", () => {
  assert.deepEqual(Object.keys(promised).filter((name) => !seen.has(name)), [], "these never came");
  assert.deepEqual([...seen.keys()].filter((name) => !(name in promised)), [], "nobody knows these");
  for (const [name, lines] of seen) {
    const words = (promised[name] ?? "").split(" ");
    const known = new Set(words.map((word) => word.replace("?", "")));
    const needed = words.filter((word) => !/[?*]/.test(word));
    for (const { time, level, msg: _msg, ...fields } of lines) {
      const text = `${name} ${JSON.stringify(fields)}`;
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.match(level, /^(DEBUG|INFO|WARN|ERROR)$/);
      for (const field of Object.keys(fields)) {
        assert.match(field, /^[a-z0-9_]+$/, text);
        assert.ok(known.has(field) || known.has("*"), `${field} is not known: ${text}`);
      }
      for (const field of needed) assert.ok(field in fields, `${field} is missing: ${text}`);
    }
  }
});

/** Names of records that the source writes. */
async function writtenNames(folder: URL): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) {
      // The client, the demo and the tasks have no log of the daemon.
      if (["cli", "demo", "tasks", "simulator"].includes(name)) continue;
      for (const one of await writtenNames(new URL(`${name}/`, folder))) names.add(one);
    } else if (name.endsWith(".ts")) {
      const text = await Deno.readTextFile(new URL(name, folder));
      for (const [, one = ""] of text.matchAll(/[lL]og\)?\??\.(?:debug|info|warn|error)\(\s*"([a-z-]+)"/g)) {
        names.add(one);
      }
    }
  }
  return names;
}

Deno.test("the guide to the API lists every record", async () => {
  const guide = await Deno.readTextFile(new URL("../../docs/api.md", import.meta.url));
  const table = guide.slice(guide.indexOf("\n## Log\n"));
  const root = new URL("../../", import.meta.url);
  const written = [
    ...await writtenNames(new URL("src/", root)),
    ...await writtenNames(new URL("routes/", root)),
  ];
  assert.ok(written.length > 25, `the source was not understood: ${written}`);
  const missing = new Set([...Object.keys(promised), ...written]).values().filter((name) => {
    const short = name.replace(/^vpp-lbsync(?=-(vip|as)-)/, "");
    return !table.includes(`\`${name}\``) && !table.includes(`\`${short}\``);
  });
  assert.deepEqual([...missing], []);
});

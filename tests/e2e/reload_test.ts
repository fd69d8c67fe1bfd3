/** Reloads of a running daemon: what becomes of the states, the probes and the weights in VPP. */
import assert from "node:assert/strict";
import { backend, onSite, past, soon, synced } from "./reload_site.ts";
import { textOf } from "../metrics/pieces.ts";

Deno.test("reload: with a new address VPP keeps the old server until the new one has answered", async () => {
  await onSite("77.31", async ({ config, daemon, log, servers, told, vpp }) => {
    servers.start("127.77.31.4");
    const { changes } = await daemon.reload(config.replace("127.77.31.1,", "127.77.31.4,"));
    assert.deepEqual(changes.map(({ name, fields }) => [name, fields]), [["b1", ["address"]]]);
    await daemon.became("b1", "up", log);
    await synced(daemon);
    assert.deepEqual(told(), ["add 127.77.31.4 100", "delete 127.77.31.1 flush"]);
    assert.deepEqual(daemon.transitions(log), ["b1 up>unknown reload", "b1 unknown>up L4OK"]);
    assert.deepEqual(past(daemon, "b1"), ["up", "unknown", "up"]);
    assert.deepEqual(vpp.weights(), { "127.77.31.2": 50, "127.77.31.3": 0, "127.77.31.4": 100 });
    assert.deepEqual(daemon.log.slice(log).filter(({ level }) => level !== "INFO"), []);
  });
});

Deno.test("reload: a new address where nobody listens is down, and the old server goes", async () => {
  await onSite("77.32", async ({ config, daemon, log, told }) => {
    await daemon.reload(config.replace("127.77.32.1,", "127.77.32.4,"));
    await daemon.became("b1", "down", log);
    await synced(daemon);
    assert.deepEqual(told(), ["add 127.77.32.4 0", "delete 127.77.32.1 flush"]);
  });
});

Deno.test("reload: two backends that swap their addresses leave both servers as they are meanwhile", async () => {
  await onSite("77.33", async ({ config, daemon, log, told, vpp }) => {
    const swapped = config.replace("127.77.33.1,", "X").replace("127.77.33.2,", "127.77.33.1,").replace(
      "X",
      "127.77.33.2,",
    );
    await daemon.reload(swapped);
    await daemon.became("b1", "up", log);
    await daemon.became("b2", "up", log);
    await synced(daemon);
    assert.deepEqual(told(), ["weight 127.77.33.2 100", "weight 127.77.33.1 50"]);
    assert.deepEqual(vpp.weights(), { "127.77.33.1": 50, "127.77.33.2": 100, "127.77.33.3": 0 });
  });
});

Deno.test("reload: a check edited while its backends are up lowers no weight before the new check has failed", async () => {
  await onSite("77.34", async ({ config, daemon, log, servers, told }) => {
    const dead = config.replace("127.77.34.1, healthcheck: web", "127.77.34.1, healthcheck: gone").replace(
      "  backends:\n",
      "    gone: { type: tcp, port: 1, interval: 100ms, fast-interval: 50ms, timeout: 500ms, rise: 4, fall: 5 }\n  backends:\n",
    );
    await daemon.reload(dead);
    assert.deepEqual(told(), []);
    const { health, last_probe: last, state } = backend(daemon, "b1");
    assert.deepEqual([state, health?.rise, health?.fall, health?.max], ["up", 4, 5, 8]);
    assert.ok(health?.counter === 8 || last?.code === "L4CON", JSON.stringify(health));
    await daemon.became("b1", "down", log);
    await daemon.logged((line) => line.msg === "vpp-lbsync-as-weight", log);
    assert.deepEqual(told(), ["weight 127.77.34.1 0 flush"]);
    assert.equal(backend(daemon, "b1").health?.counter, 0);

    // Down under the new check; the old one back: h = 0, and it comes up as any other.
    const again = daemon.log.length;
    await daemon.reload(config);
    await daemon.became("b1", "up", again);
    await synced(daemon);
    assert.deepEqual(told().slice(1), ["weight 127.77.34.1 100"]);
    assert.ok(servers.taken("127.77.34.1") > 0);
  });
});

Deno.test("reload: a check that goes on passing is probed anew at once, and VPP hears nothing", async () => {
  await onSite("77.35", async ({ config, daemon, log, told }) => {
    const slow = config.replace("interval: 100ms, fast-interval: 50ms", "interval: 1h, fast-interval: 1h");
    await daemon.reload(slow);
    const due = () => Date.parse(backend(daemon, "b1").next_probe_at ?? "");
    await soon("a result of the new check", () => due() > Date.now() + 1_000_000);
    assert.equal(backend(daemon, "b1").last_probe?.code, "L4OK");
    assert.deepEqual(told(), []);
    assert.deepEqual(daemon.transitions(log), []);
    assert.deepEqual(past(daemon, "b1"), ["up"]);
  });
});

Deno.test("reload: another network namespace that cannot be entered says nothing of the backends", async () => {
  await onSite("77.36", async ({ config, daemon, log, told }) => {
    await daemon.reload(config.replace("healthchecker: {", "healthchecker: { netns: maglev-nowhere,"));
    const line = await daemon.logged(({ msg }) => msg === "probe-void", log);
    assert.equal(line.cause, "netns");
    for (const name of ["b1", "b2", "b3"]) {
      await soon("a void result", () => backend(daemon, name).last_probe?.void === "netns");
      const { health, state } = backend(daemon, name);
      assert.deepEqual([state, health?.counter], ["up", 4]);
    }
    await daemon.reload(config);
    await soon("a result that counts", () => backend(daemon, "b1").last_probe?.void === null);
    assert.deepEqual(daemon.transitions(log), []);
    assert.deepEqual(told(), []);
  });
});

Deno.test("reload: a backend moved between pools keeps its state; what carries more goes first, and no flow ends", async () => {
  await onSite("77.37", async ({ config, daemon, log, told }) => {
    const moved = config.replace("{ b1: {}, b2: { weight: 50 } }", "{ b3: {} }").replace(
      "fallback, backends: { b3: {} }",
      "fallback, backends: { b1: {}, b2: { weight: 50 } }",
    );
    const { changes } = await daemon.reload(moved);
    assert.deepEqual(changes.map(({ name, fields }) => [name, fields]), [["www", ["pools"]]]);
    assert.deepEqual(told(), ["weight 127.77.37.3 100", "weight 127.77.37.1 0", "weight 127.77.37.2 0"]);
    assert.deepEqual(daemon.transitions(log), []);
    const places = backend(daemon, "b1").frontends;
    assert.deepEqual(places, [{ frontend: "www", pool: "fallback" }]);
  });
});

Deno.test("reload: a backend that is gone is stopped, told as removed and deleted with its flows", async () => {
  await onSite("77.38", async ({ config, daemon, log, servers, told }) => {
    const without = config.replace(/ {4}b2: .*\n/, "").replace(", b2: { weight: 50 }", "");
    const { changes } = await daemon.reload(without);
    assert.deepEqual(changes.map(({ change, name }) => [name, change]), [["b2", "removed"], [
      "www",
      "changed",
    ]]);
    assert.deepEqual(told(), ["delete 127.77.38.2 flush"]);
    assert.deepEqual(daemon.transitions(log), ["b2 up>removed removed"]);
    assert.equal(daemon.control.backend("b2"), null);
    const metrics = textOf(await daemon.control.metrics());
    assert.ok(!/backend="b2"/.test(metrics), "its series vanish");
    // What was on its way, or waits to be taken by a slow server, arrives in the first rounds.
    let [gone, stays] = [-1, 0];
    await soon("no more probes of what is gone", () => {
      if (servers.taken("127.77.38.2") !== gone) stays = servers.taken("127.77.38.1");
      gone = servers.taken("127.77.38.2");
      return servers.taken("127.77.38.1") >= stays + 6;
    });
  });
});

Deno.test("reload: pause and disable stay, whatever changes beneath them", async () => {
  await onSite("77.39", async ({ config, daemon, log, servers, told, vpp }) => {
    await daemon.act("b1", "pause");
    await daemon.act("b2", "disable");
    await synced(daemon);
    assert.deepEqual(vpp.weights(), { "127.77.39.1": 0, "127.77.39.2": 0, "127.77.39.3": 100 });
    const sofar = told().length;
    servers.start("127.77.39.4");
    await daemon.reload(config.replace("127.77.39.1,", "127.77.39.4,").replace("rise: 2", "rise: 3"));
    assert.deepEqual(told().slice(sofar), ["add 127.77.39.4 0", "delete 127.77.39.1 flush"]);
    assert.deepEqual([backend(daemon, "b1").state, backend(daemon, "b2").state], ["paused", "disabled"]);
    assert.equal(servers.taken("127.77.39.4"), 0);
    await daemon.act("b1", "resume");
    await daemon.act("b2", "enable");
    await daemon.became("b1", "up", log);
    await daemon.became("b2", "up", log);
    await synced(daemon);
    assert.deepEqual(vpp.weights(), { "127.77.39.2": 50, "127.77.39.3": 0, "127.77.39.4": 100 });
  });
});

Deno.test("reload: a wrong file changes nothing at all, and says everything that is wrong", async () => {
  await onSite("77.40", async ({ config, daemon, log, told }) => {
    await daemon.weigh("www", "primary", "b2", 20);
    await daemon.act("b3", "pause");
    const sofar = told().length;
    const wrong = config.replace("weight: 50", "weight: 101").replace("rise: 2", "rize: 2").replace(
      "127.77.40.1,",
      "127.77.40.4,",
    );
    const refusal = await daemon.refusedReload(wrong);
    assert.deepEqual([refusal.type, refusal.errors?.map(({ pass }) => pass)], ["invalid", [
      "structural",
      "semantic",
    ]]);
    const errors = daemon.log.slice(log).filter(({ level }) => level === "ERROR");
    assert.deepEqual(errors.map(({ msg }) => msg), ["config-error", "config-error", "config-reload"]);
    assert.deepEqual(told().slice(sofar), []);
    assert.equal(backend(daemon, "b1").address, "127.77.40.1");
    assert.equal(backend(daemon, "b3").state, "paused");
    assert.equal(daemon.control.frontend("www")?.pools[0]?.backends[1]?.weight, 20);
  });
});

Deno.test("reload: run-time weights stay; one ends where the file's own value changes, with a WARN and in the answer", async () => {
  await onSite("77.41", async ({ config, daemon, log, told }) => {
    await daemon.weigh("www", "primary", "b1", 10);
    await daemon.weigh("www", "fallback", "b3", 7);
    const same = await daemon.reload();
    assert.deepEqual(same.changes, []);
    assert.deepEqual(told(), ["weight 127.77.41.1 10"]);
    assert.deepEqual(daemon.log.slice(log).filter(({ level }) => level !== "INFO"), []);
    const { changes } = await daemon.reload(config.replace("b1: {},", "b1: { weight: 60 },"));
    assert.deepEqual(changes.map(({ fields, name }) => [name, fields]), [
      ["www", ["pools"]],
      ["www/primary/b1", []],
    ]);
    const warnings = daemon.log.slice(log).filter(({ level }) => level !== "INFO");
    assert.deepEqual(
      warnings.map(({ backend, cause, detail, level, msg }) => [level, msg, backend, cause, detail]),
      [
        ["WARN", "override-end", "b1", "file", "weight of b1 in the file was 100 and is 60"],
      ],
    );
    assert.deepEqual(told(), ["weight 127.77.41.1 10", "weight 127.77.41.1 60"]);
    const weights = daemon.control.frontend("www")?.pools.flatMap(({ backends }) =>
      backends.map((one) => one.weight)
    );
    assert.deepEqual(weights, [60, 50, 7]);
  });
});

Deno.test("reload: a full sync follows, which repairs what somebody else did to VPP", async () => {
  await onSite("77.42", async ({ daemon, told, vpp }) => {
    const vip = { pfx: "198.51.100.10/32", protocol: 6, port: 80 } as const;
    const { lb } = vpp.simulator.vpp;
    const row = [...lb.vips()][0]?.dumped?.find(({ app_srv }) => app_srv === "127.77.42.2");
    assert.ok(row !== undefined);
    assert.equal(lb.lb_as_set_weight({ ...vip, as_address: row.app_srv, weight: 9, is_flush: false }), 0);
    const { changes, sync } = await daemon.reload();
    assert.deepEqual(changes, []);
    assert.deepEqual([sync?.scope, sync?.done, sync?.changes[0]?.reason], ["all", 1, "drift"]);
    assert.deepEqual(told(), ["weight 127.77.42.2 50"]);
  });
});

Deno.test("reload: `enabled` of the file is an order when it changes, and flushes", async () => {
  await onSite("77.43", async ({ config, daemon, log, told }) => {
    await daemon.reload(
      config.replace("127.77.43.1, healthcheck: web", "127.77.43.1, healthcheck: web, enabled: false"),
    );
    assert.deepEqual(told(), ["weight 127.77.43.1 0 flush"]);
    await daemon.reload(config);
    await daemon.became("b1", "up", log);
    await synced(daemon);
    assert.deepEqual(told().slice(1), ["weight 127.77.43.1 100"]);
  });
});

Deno.test("a check says of the file what a reload would say of it, and of a body all but what its files hold", async () => {
  await onSite("77.44", async ({ config, daemon, log, told }) => {
    const check = async (body: string | null) => {
      const checked = await daemon.control.checkConfig(body);
      assert.ok(checked.ok);
      return checked.value;
    };
    assert.equal((await check(null)).ok, true);
    const wrong = config.replace("rise: 2", "rise: 0").replace("weight: 50", "wait: 50");
    const refusal = await daemon.refusedReload(wrong);
    const { errors, ok, parse_error: parse, semantic_error: semantic } = await check(null);
    assert.deepEqual([ok, errors], [false, refusal.errors]);
    assert.match(parse, /^[^\n]*wait: unknown key[^\n]*$/);
    assert.match(semantic, /^[^\n]*rise: must be from 1 to 100, not 0$/);
    const tls = config.replace("type: tcp", "type: https").replace(
      "rise: 2",
      "params: { ca-file: /nowhere }, rise: 2",
    );
    await daemon.write(tls);
    assert.deepEqual((await check(null)).errors.map(({ path }) => path), [
      "maglev.healthchecks.web.params.ca-file",
    ]);
    assert.deepEqual([(await check(tls)).ok, (await check(wrong)).errors.map(({ file }) => file)], [true, [
      "<body>",
      "<body>",
    ]]);
    assert.deepEqual(told(), []);
    assert.deepEqual(daemon.transitions(log), []);
  });
});

/**
 * A day in the life of maglevd, told once from its start to its end: on hosts of their own (network namespaces),
 * with real nginx behind two VIPs, and a client that asks both all day long. VPP is the simulated one, whose
 * choice of a server the client follows itself; or a real one (see netns_vpp.ts), which then carries the client's
 * packets to the servers by GRE.
 */
import assert from "node:assert/strict";
import type { Backend, ConfigReload, Frontend, Problem } from "../../src/api/mod.ts";
import { hostPrefix, ip } from "../../src/net/ip.ts";
import type { LogLine } from "./harness.ts";
import { namespacesMissing } from "./netns.ts";
import { Day, dayConfig, type Expected, probeSources, servers, vips } from "./netns_day.ts";
import { isReal, vppMissing } from "./netns_vpp.ts";

const missing = await namespacesMissing() ?? await vppMissing();
const skipped = missing === null ? "" : ` (skipped: ${missing})`;

const healthy: Expected = { weights: { www: [100, 100, 0], www6: [100, 50, 0] } };
const withSpare: Expected = { weights: { www: [100, 100, 25, 0], www6: [100, 50, 0] }, spare: true };

Deno.test({
  name: `a day in the life, ${isReal ? "real" : "simulated"} VPP${skipped}`,
  ignore: missing !== null,
  async fn(t) {
    await using day = await Day.begin();
    const [web1, web2] = [day.web("web1"), day.web("web2")];
    const address = (backend: string) => servers[backend] ?? "";

    /** Part of the day; the day ends with the first that goes wrong. */
    const part = async (name: string, body: () => Promise<void>) => {
      const passed = await t.step({ name, fn: body, sanitizeOps: false, sanitizeResources: false });
      assert.ok(passed, name);
    };

    const lost: string[] = [];

    /** Part of the day under the client's eyes: no request may fail but those sent before the time that `action` tells. */
    const step = (name: string, expected: Expected, action: () => Promise<number | void>) =>
      part(name, async () => {
        const mark = day.traffic.requests.length;
        const until = await action() ?? 0;
        await day.agree(expected);
        await day.served(expected);
        const failures = day.failures(mark);
        if (failures.length > 0) lost.push(`${failures.length} when: ${name}`);
        assert.deepEqual(failures.filter(({ sentAt }) => sentAt >= until), [], "requests that failed");
      });

    /** Resolves with the time when VPP had taken a weight. */
    const told = async (mark: number, backend: string, to: number, more: Partial<LogLine> = {}) => {
      await day.daemon.logged(
        (line) =>
          line.msg === "vpp-lbsync-as-weight" && line.backend === backend && line.to === to &&
          line.retval === 0 &&
          Object.entries(more).every(([key, value]) => line[key] === value),
        mark,
      );
      return performance.now();
    };

    /** Flows that VPP keeps on a server. */
    const flows = async (backend: string) => {
      await using session = await day.byHand();
      const text = await session.cli("show lb vips verbose");
      const used = text.split("\n").map((line) => line.trim()).filter((line) => line.endsWith(" used"));
      const line = used.find((line) => line.startsWith(`${address(backend)} weight:`));
      return Number(/ flows:(\d+) /.exec(line ?? "")?.[1]);
    };

    /** The same of a server that carries weight: sooner or later it has some. */
    const someFlows = async (backend: string) => {
      for (let requests = 0; requests < 100; requests += 2) {
        const count = await flows(backend);
        if (count > 0) return count;
        await day.traffic.more(2);
      }
      throw new Error(`no flow on ${backend}`);
    };

    await part("start: all come up", async () => {
      await day.startDaemon();
      await day.agree(healthy);
      day.startTraffic();
      await day.served(healthy);
    });

    await part("the servers' logs show the probes and where they come from", async () => {
      for (const [backend, family] of [["web1", 4], ["web1-v6", 6]] as const) {
        await web1.more(address(backend), 3);
        const probes = web1.asked(address(backend)).filter(({ request }) =>
          request === "GET /health HTTP/1.1"
        );
        assert.ok(probes.length >= 3);
        assert.deepEqual([...new Set(probes.map(({ client }) => client))], [probeSources[family]]);
        assert.match(probes[0]?.agent ?? "", /^maglevd\/\d/);
      }
    });

    const web1Paused: Expected = {
      states: { web1: "paused" },
      weights: { www: [0, 100, 0], www6: [100, 50, 0] },
    };
    await step("pause: its probes stop, its flows stay", web1Paused, async () => {
      const before = await someFlows("web1");
      assert.equal((await day.maglevc<Backend>("set backend web1 pause")).state, "paused");
      await day.agree(web1Paused);
      assert.ok(await flows("web1") >= before);
      const probes = web1.asked(address("web1")).length;
      await web2.more(address("web2"), 6);
      assert.equal(web1.asked(address("web1")).length, probes);
    });

    await step("resume: it is probed at once and carries again", healthy, async () => {
      const probed = web1.more(address("web1"), 2);
      assert.equal((await day.maglevc<Backend>("set backend web1 resume")).state, "unknown");
      await probed;
    });

    const web1Disabled: Expected = { ...web1Paused, states: { web1: "disabled" } };
    await step("disable: its flows are flushed", web1Disabled, async () => {
      await someFlows("web1");
      // A connection that is open at that moment is meant to break.
      await day.traffic.hold(async () => {
        const mark = day.daemon.log.length;
        assert.equal((await day.maglevc<Backend>("set backend web1 disable")).state, "disabled");
        await told(mark, "web1", 0, { flush: true });
        assert.equal(await flows("web1"), 0);
      });
    });

    await step("enable: it carries again", healthy, async () => {
      assert.equal((await day.maglevc<Backend>("set backend web1 enable")).state, "unknown");
    });

    const web1Dead: Expected = {
      states: { web1: "down", "web1-v6": "down" },
      weights: { www: [0, 100, 0], www6: [0, 50, 0] },
    };
    await step("a server dies: its weight goes, the pool carries on", web1Dead, async () => {
      const mark = day.daemon.log.length;
      await web1.kill();
      const flush = { flush: true };
      return Math.max(await told(mark, "web1", 0, flush), await told(mark, "web1-v6", 0, flush));
    });

    const primaryDead: Expected = {
      states: { web1: "down", "web1-v6": "down", web2: "down", "web2-v6": "down" },
      weights: { www: [0, 0, 100], www6: [0, 0, 100] },
      pool: "fallback",
    };
    await step("the next one dies: the primary pool is gone, the fallback carries", primaryDead, async () => {
      const mark = day.daemon.log.length;
      await web2.kill();
      return Math.max(await told(mark, "web2", 0), await told(mark, "web2-v6", 0));
    });

    await step("both return: the primary pool carries again", healthy, () => {
      web1.start();
      web2.start();
      return Promise.resolve();
    });

    const netns = day.segment.name("prober");
    await step("a reload brings a new backend", withSpare, async () => {
      await Deno.writeTextFile(day.daemon.config, dayConfig(netns, { spare: true }));
      const { changes, sync } = await day.maglevc<ConfigReload>("config reload");
      assert.deepEqual(changes.map(({ object, name, change }) => [object, name, change]), [
        ["backend", "spare", "added"],
        ["frontend", "www", "changed"],
      ]);
      assert.equal(sync?.failed, 0);
    });

    await step("a broken file is refused, with its places, and changes nothing", withSpare, async () => {
      const broken = dayConfig(netns).replace("weight: 50", "weight: 500").replace(
        "timeout: 2s",
        "timeout: soon",
      );
      await Deno.writeTextFile(day.daemon.config, broken);
      const { errors = [] } = await day.daemon.send<Problem>("POST", "/v1/config/reload", undefined, 422);
      assert.deepEqual(errors.map(({ path, line }) => [path, broken.split("\n")[(line ?? 0) - 1]?.trim()]), [
        ["maglev.healthchecks.web.timeout", "timeout: soon"],
        [
          "maglev.frontends.www6.pools[0].backends.web2-v6.weight",
          "- { name: primary, backends: { web1-v6: {}, web2-v6: { weight: 500 } } }",
        ],
      ]);
      await assert.rejects(day.maglevc("config reload"), /maglev\.healthchecks\.web\.timeout/);
      await Deno.writeTextFile(day.daemon.config, dayConfig(netns, { spare: true }));
    });

    const { mustLive } = day.vpp;
    if (mustLive !== null) {
      await t.step({ name: `VPP dies and returns (skipped: ${mustLive})`, ignore: true, fn() {} });
    } else {
      await step("VPP dies and returns: it gets back all that it had", withSpare, async () => {
        const mark = day.daemon.log.length;
        await day.vpp.kill();
        await day.daemon.logged(({ msg }) => msg === "vpp-disconnect", mark);
        const problem = await day.daemon.get<Problem>("/readyz", 503);
        assert.equal(problem.readiness?.vpp, "disconnected");
        assert.equal((await day.daemon.get<Frontend>("/v1/frontends/www")).vpp, "disconnected");
        await day.vpp.restart();
        await day.daemon.logged(({ msg, failed }) => msg === "vpp-lbsync-done" && failed === 0, mark);
        return performance.now();
      });
    }

    await step("a weight changed by hand is put right, without a flush", withSpare, async () => {
      const mark = day.daemon.log.length;
      await using session = await day.byHand();
      await session.setWeight(www, ip(address("web2")), 3);
      await told(mark, "web2", 100, { from: 3, reason: "drift", flush: false });
    });

    await part("SIGTERM: maglevd ends, VPP goes on as it is", async () => {
      await using session = await day.byHand();
      const weights = async () => (await session.vips()).map(({ prefix, servers }) => [prefix, servers]);
      const before = await weights();
      const mark = day.traffic.requests.length;
      day.daemon.kill("SIGTERM");
      assert.equal((await day.daemon.status()).code, 0);
      await day.traffic.more(12);
      assert.deepEqual(await weights(), before);
      assert.deepEqual(day.failures(mark), []);
      assert.equal(day.daemon.errors, "");
    });

    const sum = `the client: ${day.traffic.requests.length} requests, failed: ${lost.join(", ") || "none"}`;
    await part(sum, () => Promise.resolve());
  },
});

const www = { prefix: hostPrefix(ip(vips.www)), protocol: 6, port: 80 };

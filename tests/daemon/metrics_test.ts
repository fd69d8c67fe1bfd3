/** Every metric on the daemon itself: present, with the right labels, telling what is so, and gone when it is not. */
import assert from "node:assert/strict";
import type { Backend, Frontend, LbCounters, Plan } from "../../src/api/mod.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { catalog } from "../../src/metrics/catalog.ts";
import { VPP_STANDINGS } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { Backends, Vpp, wwwConfig } from "../e2e/world.ts";
import { exchange, request } from "../routes/raw.ts";
import { fasterClock, Inside } from "./inside.ts";

/** A scrape: name → labels in their order → value. */
type Samples = ReadonlyMap<string, ReadonlyMap<string, number>>;

function parse(text: string): Samples {
  const samples = new Map<string, Map<string, number>>();
  for (const line of text.split("\n")) {
    const [, name = "", labels = "", value = ""] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === "") continue;
    const of = samples.get(name) ?? new Map<string, number>();
    assert.ok(!of.has(labels), `${line} comes twice`);
    samples.set(name, of.set(labels, Number(value)));
  }
  return samples;
}

async function scrape(inside: Inside): Promise<Samples> {
  return parse(await (await inside.ask("/metrics")).text());
}

/** Label names of a series. */
const names = (labels: string): string =>
  [...labels.matchAll(/([a-z_]+)="/g)].map((match) => match[1]).filter((name) => name !== "le").join(",");

const seen = new Set<string>();

/** Every sample is one of the catalog's, with the labels that it says. */
function judge(samples: Samples): void {
  for (const [name, of] of samples) {
    if (!name.startsWith("maglev_")) continue;
    const base = name in catalog ? name : name.replace(/_(bucket|sum|count)$/, "");
    const spec = Object.entries(catalog).find(([one]) => one === base)?.[1];
    assert.ok(spec !== undefined, `${name} is not in the catalog`);
    assert.equal(name !== base, spec.type === "histogram", name);
    for (const labels of of.keys()) assert.equal(names(labels), spec.labels.join(","), `${name}{${labels}}`);
    seen.add(base);
  }
}

const up = (backend: string) => (line: { msg: string; [key: string]: unknown }) =>
  line.msg === "backend-transition" && line.backend === backend && line.to === "up";

Deno.test("metrics say what the API says, what the log told, and what went through VPP", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.110");
  const state = await Deno.makeTempDir();
  await using owned = new AsyncDisposableStack();
  owned.defer(() => Deno.remove(state, { recursive: true }));
  const dns =
    "    dns: { address: 2001:db8:80::10, pools: [{ name: all, backends: { b3: {}, fixed: {} } }] }\n";
  const config = wwwConfig("77.110", servers.port, dns)
    .replace("  frontends:", "    fixed: { address: 127.77.110.9 }\n  frontends:");
  await using inside = await Inside.start({
    config,
    vpp: vpp.paths,
    clock: fasterClock(2),
    args: ["--listen", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0", "--state-dir", state],
  });
  for (const backend of ["b1", "b2", "b3"]) await inside.logged(up(backend));
  await inside.synced();
  await servers.at(1).stop();
  await inside.logged((line) =>
    line.msg === "vpp-lbsync-as-weight" && line.backend === "b1" && line.to === 0
  );
  await inside.send("POST", "/v1/backends/b3/disable");
  await inside.send("PUT", "/v1/frontends/www/pools/primary/backends/b2/weight", { weight: 7 });
  vpp.simulator.faults.add({ on: "lb_as_set_weight", outcome: { kind: "retval", retval: -6 }, times: 1 });
  await inside.send("PUT", "/v1/frontends/www/pools/primary/backends/b2/weight", { weight: 8 });
  await inside.ask("/nowhere");
  await inside.ask("/v1/backends/nobody");
  // The columns of new VIPs are asked for a second after they were made, and counters are read every 5 s.
  await inside.until(
    async () => (await inside.json<LbCounters>("/v1/vpp/lb/counters")).vips.length === 2 ? true : undefined,
    "two VIPs' counters",
  );
  const flow = { client: ip("192.0.2.7"), vip: ip("198.51.100.10"), protocol: 6 };
  assert.equal(
    vpp.simulator.forward({ ...flow, clientPort: 1000, port: 80, packets: 10, octets: 100 }),
    "127.77.110.2",
  );
  vpp.simulator.forward({ ...flow, clientPort: 1000, port: 81, packets: 3 });
  const samples = await inside.until(async () => {
    const samples = await scrape(inside);
    return samples.get("maglev_vpp_unmatched_packets_total")?.get("") === 3 ? samples : undefined;
  }, "the packets in the metrics");
  judge(samples);
  const value = (name: string, labels = ""): number | undefined => samples.get(name)?.get(labels);
  const all = (name: string): [string, number][] => [...samples.get(name) ?? []];

  const { backends } = await inside.json<{ backends: Backend[] }>("/v1/backends");
  for (const { name, state, health, enabled } of backends) {
    for (const one of ["unknown", "up", "down", "paused", "disabled"]) {
      const wanted = one === state ? 1 : 0;
      assert.equal(
        value("maglev_backend_state", `backend="${name}",state="${one}"`),
        wanted,
        `${name} ${one}`,
      );
    }
    assert.equal(value("maglev_backend_health", `backend="${name}"`), health?.counter, name);
    assert.equal(value("maglev_backend_enabled", `backend="${name}"`), enabled ? 1 : 0);
    assert.equal(value("maglev_backend_blind", `backend="${name}"`), 0);
  }
  assert.deepEqual(backends.map(({ state }) => state), ["down", "up", "disabled", "up"]);
  const { frontends } = await inside.json<{ frontends: Frontend[] }>("/v1/frontends");
  for (const { name, state, pools } of frontends) {
    for (const one of ["unknown", "up", "down"]) {
      assert.equal(
        value("maglev_frontend_state", `frontend="${name}",state="${one}"`),
        one === state ? 1 : 0,
      );
    }
    for (const pool of pools) {
      for (const member of pool.backends) {
        const labels = `frontend="${name}",pool="${pool.name}",backend="${member.name}"`;
        assert.equal(value("maglev_frontend_pool_backend_weight", labels), member.weight);
        assert.equal(value("maglev_frontend_pool_backend_effective_weight", labels), member.effective_weight);
      }
    }
  }
  assert.ok((value("maglev_probe_total", 'backend="b2",type="http",result="success",code="L7OK"') ?? 0) >= 2);
  assert.ok(
    (value("maglev_probe_total", 'backend="b1",type="http",result="failure",code="L4CON"') ?? 0) >= 3,
  );
  const duration = all("maglev_probe_duration_seconds_count").map(([labels]) => labels).sort();
  assert.deepEqual(duration, [
    'backend="b1",type="http"',
    'backend="b2",type="http"',
    'backend="b3",type="http"',
  ]);
  const lines = inside.log.filter((line) => line.msg === "backend-transition");
  const transitions = new Map<string, number>();
  for (const { backend, from, to } of lines) {
    const labels = `backend="${backend}",from="${from}",to="${to}"`;
    transitions.set(labels, (transitions.get(labels) ?? 0) + 1);
  }
  const counted = new Map(all("maglev_backend_transitions_total"));
  for (const [labels, count] of counted) assert.equal(count, transitions.get(labels) ?? 0, labels);
  for (const labels of transitions.keys()) assert.ok(counted.has(labels), labels);
  // rate() misses an event that makes a series: every transition that can come is there with 0.
  assert.equal(counted.get('backend="b1",from="down",to="up"'), 0);

  assert.equal(value("maglev_vpp_connected"), 1);
  assert.equal(value("maglev_vpp_held_changes"), 0);
  assert.deepEqual((await inside.json<Plan>("/v1/vpp/lb/plan")).changes, []);
  const [[info = ""] = []] = all("maglev_vpp_info");
  assert.match(info, /^version="26\.10-rc0~simulated",build_date="2026-11-22T05:56:29",pid="\d+"$/);
  assert.ok(
    (value("maglev_vpp_uptime_seconds") ?? -1) >= 0 && (value("maglev_vpp_connected_seconds") ?? -1) >= 0,
  );
  assert.deepEqual(all("maglev_vpp_vip_table_length").map(([labels]) => labels), [
    'frontend="www"',
    'frontend="dns"',
  ]);
  const changes = new Map<string, number>();
  const kinds: Record<string, string> = {
    "vip-add": "vip_added",
    "as-add": "as_added",
    "as-weight": "as_weight_updated",
  };
  let scope = "";
  for (const line of inside.log) {
    if (line.msg === "vpp-lbsync-start") scope = String(line.scope);
    const kind = kinds[line.msg.replace("vpp-lbsync-", "")];
    if (kind === undefined || line.retval !== 0) continue;
    const labels = `scope="${scope}",kind="${kind}"`;
    changes.set(labels, (changes.get(labels) ?? 0) + 1);
  }
  const syncs = new Map(all("maglev_vpp_lbsync_total"));
  assert.equal(syncs.size, 12, "every kind of both scopes begins at 0");
  assert.deepEqual(new Map([...syncs].filter(([, count]) => count > 0)), changes);
  assert.ok((value("maglev_transition_to_vpp_seconds_count") ?? 0) >= 1);
  const asked = vpp.simulator.recorder.requests.filter(({ name }) => name === "lb_as_set_weight").length;
  assert.equal(
    value("maglev_vpp_api_total", 'msg="lb_as_set_weight",direction="send",result="success"'),
    asked,
  );
  const replied = (result: string) =>
    value("maglev_vpp_api_total", `msg="lb_as_set_weight_reply",direction="recv",result="${result}"`);
  assert.deepEqual([replied("failure"), replied("success")], [1, asked - 1]);

  const vip = 'frontend="www",address="198.51.100.10",protocol="tcp",port="80"';
  const packets = (kind: string) => value("maglev_vpp_vip_packets_total", `${vip},kind="${kind}"`);
  assert.deepEqual(["first", "next", "untracked", "no_server"].map(packets), [1, 9, 0, 0]);
  const any = 'frontend="dns",address="2001:db8:80::10",protocol="any",port="0"';
  assert.equal(value("maglev_vpp_vip_packets_total", `${any},kind="next"`), 0);
  assert.equal(value("maglev_vpp_vip_route_packets_total", vip), 13);
  assert.equal(value("maglev_vpp_vip_route_bytes_total", vip), 1300);
  assert.equal(value("maglev_vpp_server_packets_total", 'address="127.77.110.2",backend="b2"'), 10);
  assert.ok((value("maglev_vpp_server_bytes_total", 'address="127.77.110.2",backend="b2"') ?? 0) > 1000);

  assert.equal(value("maglev_http_requests_total", 'method="GET",route="unmatched",code="404"'), 1);
  assert.equal(value("maglev_http_requests_total", 'method="GET",route="/v1/backends/{name}",code="404"'), 1);
  assert.equal(
    value("maglev_http_requests_total", 'method="POST",route="/v1/backends/{name}/disable",code="200"'),
    1,
  );
  const [[build = ""] = []] = all("maglev_build_info");
  assert.match(build, /^version="[\d.]+",commit="0123456789ab",runtime="deno /);
  assert.ok((value("process_resident_memory_bytes") ?? 0) > 0 && (value("process_open_fds") ?? 0) > 0);

  const metricsAddress = inside.log.find((line) => line.only === "metrics")?.address;
  const elsewhere = await exchange(String(metricsAddress), request("GET /metrics"));
  const there = parse(elsewhere.slice(elsewhere.indexOf("\r\n\r\n") + 4));
  // Counters that nobody has counted up by then may be missing in neither.
  assert.deepEqual([...there.keys()].filter((name) => !samples.has(name)), []);

  await Deno.writeTextFile(
    inside.config,
    config.replace(dns, "").replace(", b2: { weight: 50 }", "").replace(/ {4}b2: .*\n/, ""),
  );
  await inside.send("POST", "/v1/config/reload");
  const fewer = await inside.until(async () => {
    const text = await (await inside.ask("/metrics")).text();
    return /"b2"|"dns"|127\.77\.110\.2"/.test(text) ? undefined : text;
  }, "the series of what was removed to go");
  judge(parse(fewer));
  assert.match(fewer, /maglev_vpp_lbsync_total\{scope="all",kind="vip_removed"\} 1\n/);
  assert.match(fewer, /maglev_vpp_lbsync_total\{scope="all",kind="as_removed"\} 1\n/);

  await vpp.simulator.kill();
  await inside.logged("vpp-disconnect");
  const alone = await scrape(inside);
  judge(alone);
  assert.deepEqual([...alone.keys()].filter((name) => name.startsWith("maglev_vpp_")).sort(), [
    "maglev_vpp_api_total",
    "maglev_vpp_connected",
    "maglev_vpp_lbsync_total",
  ]);
  assert.equal(alone.get("maglev_vpp_connected")?.get(""), 0);
});

Deno.test("void results count by cause and by nothing else; a blind backend shows", async () => {
  const config = wwwConfig("77.111", 9).replace(
    "maglev:\n",
    "maglev:\n  healthchecker: { netns: maglev-nowhere }\n",
  )
    .replace("timeout: 2s", "timeout: 100ms");
  await using inside = await Inside.start({ config, vpp: null, clock: fasterClock(10) });
  await inside.logged("backend-blind");
  const samples = await scrape(inside);
  judge(samples);
  assert.ok((samples.get("maglev_probe_void_total")?.get('cause="netns"') ?? 0) >= 3);
  assert.equal(samples.get("maglev_probe_total"), undefined);
  assert.equal(samples.get("maglev_probe_duration_seconds_count"), undefined);
  assert.equal(samples.get("maglev_backend_blind")?.get('backend="b1"'), 1);
  assert.equal(samples.get("maglev_backend_health")?.get('backend="b1"'), 1);
  assert.equal(samples.get("maglev_vpp_connected")?.get(""), 0);
});

Deno.test("the end of a backend's certificate is a metric, in seconds from now", async () => {
  const fixture = (name: string) => Deno.readTextFileSync(new URL(`../fixtures/${name}`, import.meta.url));
  await using server = Deno.serve({
    hostname: "127.77.112.1",
    port: 0,
    cert: fixture("api_cert.pem"),
    key: fixture("api_key.pem"),
    onListen: () => {},
  }, () => new Response("ok"));
  const config = `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: "2001:db8::254" } }
  healthchecks:
    tls: { type: https, port: ${server.addr.port}, interval: 100ms, params: { insecure-skip-verify: true } }
  backends: { secure: { address: 127.77.112.1, healthcheck: tls } }
  frontends: { www: { address: 198.51.100.9, pools: [{ name: p, backends: { secure: {} } }] } }
`;
  await using inside = await Inside.start({ config, vpp: null });
  await inside.logged(up("secure"));
  const { certificate } = await inside.json<Backend>("/v1/backends/secure");
  const samples = await scrape(inside);
  judge(samples);
  const left = samples.get("maglev_backend_certificate_expiry_seconds")?.get('backend="secure"') ?? NaN;
  assert.ok(Math.abs(left - (Date.parse(certificate?.not_after ?? "") - Date.now()) / 1000) < 60, `${left}`);
});

Deno.test("a daemon of a fleet counts the calls of its store, those that failed included", async () => {
  const port = unusedPort("127.77.113.1");
  const fleet = `  fleet: { name: site, node: lb1, endpoints: ["http://127.77.113.1:${port}"] }\n`;
  await using inside = await Inside.start({
    config: wwwConfig("77.113", 9, fleet),
    vpp: null,
    clock: fasterClock(10),
  });
  const samples = await inside.until(async () => {
    const samples = await scrape(inside);
    return (samples.get("maglev_fleet_store_seconds_count")?.get("") ?? 0) >= 1 ? samples : undefined;
  }, "a call of the store");
  judge(samples);
  assert.equal(samples.get("maglev_fleet_connected")?.get(""), 0);
  for (const standing of VPP_STANDINGS) {
    const wanted = standing === "off" ? 1 : 0;
    assert.equal(samples.get("maglev_fleet_nodes")?.get(`state="${standing}"`), wanted, standing);
  }
  assert.deepEqual([...samples.get("maglev_fleet_table_agreement") ?? []], [['frontend="www"', 1]]);
});

Deno.test("every metric of the catalog was seen on a daemon", () => {
  assert.deepEqual(Object.keys(catalog).filter((name) => !seen.has(name)), []);
});

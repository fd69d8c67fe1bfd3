/**
 * The contract on the daemon itself: calls of every operation, valid and hostile, several at a time, while VPP is
 * there, away, too old, slow, refuses, or dies in the middle. The other fuzz has a control that cannot fail.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkAnswer, checkEvents, checkProblem, operationAt } from "../routes/answers.ts";
import { auth, type Call, callsOf } from "../routes/calls.ts";
import { judges, loadDocument, type Operation, operationsOf } from "../routes/document.ts";
import { Backends, Vpp } from "../e2e/world.ts";
import { fasterClock, Inside, type InsideOptions } from "./inside.ts";

const document = await loadDocument();
const operations = operationsOf(document);
const judgeAt = judges(document);
// A check or a reload starts a thread, which takes longer than a hundred other calls.
const slow = operations.filter((operation) => operation.path.startsWith("/v1/config/"));
const quick = operations.filter((operation) => !slow.includes(operation));

/** Names that the calls are made of. */
function config(net: string, port: number, minDelay: string): string {
  return `maglev:
  vpp:
    lb:
      ipv4-src-address: 192.0.2.254
      ipv6-src-address: 2001:db8::254
      startup-min-delay: ${minDelay}
      startup-max-delay: ${minDelay}
  healthchecks:
    http: { type: http, port: ${port}, interval: 100ms, fast-interval: 50ms, timeout: 2s, params: { headers: { X-Api-Key: hidden } } }
  backends:
    b1: { address: 127.${net}.1, healthcheck: http }
    b2: { address: 127.${net}.2, healthcheck: http }
    b3: { address: 127.${net}.3 }
  frontends:
    web:
      address: 198.51.100.10
      protocol: tcp
      port: 80
      pools:
        - { name: main, backends: { b1: {}, b2: { weight: 50 } } }
        - { name: fallback, backends: { b3: {} } }
    dns:
      address: 2001:db8:80::10
      src-ip-sticky: true
      pools:
        - { name: main, backends: { b1: {}, b3: { weight: 0 } } }
`;
}

const wrong = "maglev: { frontends: { web: { address: 224.0.0.1, address: x } }, oops: [";

/** A stream is read until its present state is through, then left. */
async function readStream(answer: Response): Promise<void> {
  const reader = answer.body?.getReader();
  assert.ok(reader !== undefined);
  const { value } = await reader.read();
  await reader.cancel();
  const { status, headers } = answer;
  await checkEvents(new Response(value ?? new Uint8Array(), { status, headers }), judgeAt, /^[0-9a-f]+-\d+$/);
}

async function check(call: Call, url: URL, answer: Response): Promise<void> {
  const { status } = answer;
  assert.ok(status < 500 || status === 502 || status === 503, String(status));
  const place = operationAt(operations, call.method, url.pathname);
  const head = call.method === "HEAD";
  if (place !== null && place !== "path") {
    const stream = place.operationId === "streamEvents" && status === 200 && !head;
    if (stream) await readStream(answer);
    else await checkAnswer(answer, place, head, judgeAt);
  } else {
    assert.ok([400, 401, 403, 404, 405].includes(status), `${status} for no operation`);
    if (!head) checkProblem(answer, await answer.json());
  }
}

/** Calls go out in small crowds, so that they meet each other inside. */
async function fuzz(
  some: readonly Operation[],
  inside: Inside,
  good: string,
  calls: number,
  between: () => Promise<void>,
): Promise<Map<number, number>> {
  // A call may end a warm-up before any other call has met it.
  const first = await inside.ask("/readyz");
  await first.body?.cancel();
  const seen = new Map([[first.status, 1]]);
  const make = async (call: Call) => {
    const url = new URL(`http://127.0.0.1:9090${call.target}`);
    const { method, body, peer } = call;
    const headers = Object.entries(call.headers).filter((entry): entry is [string, string] =>
      entry[1] !== undefined
    );
    const bodiless = body === null || method === "GET" || method === "HEAD";
    const init = { method, headers, ...(bodiless ? {} : { body: body.toWellFormed() }) };
    const answer = await inside.daemon.app.fetch(new Request(url, init), { peer });
    seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    await check(call, url, answer);
  };
  const crowd = 5;
  await fc.assert(
    fc.asyncProperty(fc.array(callsOf(some), { minLength: crowd, maxLength: crowd }), async (crowd) => {
      await between();
      const spoilt = crowd.some((call) => call.wrongFile);
      await Deno.writeTextFile(inside.config, spoilt ? wrong : good);
      await Promise.all(crowd.map(make));
    }),
    { numRuns: Math.ceil(calls / crowd) },
  );
  assert.deepEqual(inside.log.filter((line) => line.msg === "api-error"), []);
  return seen;
}

interface Situation {
  readonly name: string;
  /** Every one of these must come, or nothing is proven. */
  readonly statuses: readonly number[];
  readonly minDelay?: string;
  readonly vpp?: "off" | "missing" | "old";
  readonly auth?: boolean;
  /** Called before each crowd. */
  readonly disturb?: (vpp: Vpp, crowd: number, inside: Inside) => void | Promise<void>;
}

const retvals = [
  "lb_conf_get",
  "lb_conf",
  "lb_as_set_weight",
  "lb_add_del_as_v2",
  "lb_add_del_vip_v2",
  "lb_flush_vip",
  "cli_inband",
  "control_ping",
];
const always = [200, 400, 401, 403, 404, 405, 415, 422] as const;

const situations: readonly Situation[] = [
  { name: "in sync", statuses: always },
  { name: "in sync, with tokens", auth: true, statuses: always },
  { name: "switched off", vpp: "off", statuses: [...always, 503] },
  { name: "not there", vpp: "missing", statuses: [...always, 503] },
  { name: "too old", vpp: "old", statuses: [...always, 503] },
  { name: "held by the warm-up", minDelay: "10m", statuses: [...always, 503] },
  {
    name: "slow",
    statuses: always,
    disturb: ({ simulator: { faults } }, crowd) => {
      if (crowd === 0) faults.add({ on: () => Math.random() < 0.2, outcome: { kind: "delay", ms: 3 } });
    },
  },
  {
    name: "refusing some of everything",
    statuses: [...always, 503],
    disturb: async ({ simulator: { faults } }, crowd, inside) => {
      if (crowd % 10 === 0) await inside.until(() => inside.daemon.control.vppInfo().ok || undefined, "VPP");
      const on = retvals[crowd % retvals.length] ?? "";
      faults.add({ on, outcome: { kind: "retval", retval: -1 }, times: 1 });
    },
  },
  {
    name: "dying and coming back in the middle of requests",
    statuses: [...always, 503],
    disturb: async ({ simulator }, crowd, inside) => {
      switch (crowd % 24) {
        case 2:
        case 5:
        case 8:
          await inside.synced();
          break;
        case 3:
          simulator.faults.add({ on: "lb_vip_dump", outcome: { kind: "close" }, times: 1 });
          break;
        case 6:
          simulator.faults.add({
            on: "lb_as_v2_dump",
            outcome: { kind: "garbage", octets: new Uint8Array(20).fill(255) },
            times: 1,
          });
          break;
        case 9:
          await simulator.restart();
      }
    },
  },
];

for (const [index, situation] of situations.entries()) {
  const { name, statuses, disturb, minDelay = "0s" } = situation;
  Deno.test(`1,000 calls with VPP ${name}: no 500, nothing undocumented, every body fits`, async () => {
    await using vpp = await Vpp.start(situation.vpp === "old" ? { without: ["lb_conf_get"] } : {});
    const net = `77.${70 + index}`;
    await using servers = new Backends(net);
    const text = config(net, servers.port, minDelay);
    const paths: InsideOptions["vpp"] = situation.vpp === "off"
      ? null
      : situation.vpp === "missing"
      ? { api: "/nowhere/api.sock", stats: "/nowhere/stats.sock" }
      : vpp.paths;
    await using inside = await Inside.start({
      config: text,
      vpp: paths,
      clock: fasterClock(8),
      auth: situation.auth === true ? auth : null,
    });
    let crowds = 0;
    const some = index === 0 ? [...quick, ...quick, ...operations] : quick;
    const seen = await fuzz(some, inside, text, 1_000, async () => await disturb?.(vpp, crowds++, inside));
    for (const status of statuses) {
      assert.ok(seen.has(status), `${status} never came: ${JSON.stringify([...seen])}`);
    }
  });
}

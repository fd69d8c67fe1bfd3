import assert from "node:assert/strict";
import fc from "fast-check";
import type { FrontendState, IpAddress, State } from "../../src/model.ts";
import {
  type FrontendWeights,
  frontendWeights,
  type MemberFacts,
  type MemberStatus,
} from "../../src/health/frontend.ts";
import { ip } from "../../src/net/ip.ts";
import { withWeights } from "../../src/health/config.ts";
import { backend, config, frontend, tcpCheck } from "./kit.ts";

const states: State[] = ["unknown", "up", "down", "paused", "disabled", "removed"];

/** Facts with the witnesses given by name; each name has an address of its own. */
function factsOf(
  status: (backend: string) => MemberStatus,
  witness: (backend: string) => number | null,
): MemberFacts {
  const names: string[] = [];
  const addresses: IpAddress[] = [];
  const address = (name: string) => {
    if (!names.includes(name)) addresses.push(ip(`10.0.0.${names.push(name)}`));
    return addresses[names.indexOf(name)] ?? null;
  };
  return { status, address, witness: (of) => witness(names[addresses.indexOf(of)] ?? ""), inVpp: () => null };
}

function judge(
  pools: Record<string, Record<string, number>>,
  status: Record<string, State | MemberStatus>,
  witnesses: Record<string, number> = {},
): FrontendWeights {
  const facts = factsOf((name) => {
    const is = status[name] ?? "unknown";
    return typeof is === "string" ? { state: is, known: true } : is;
  }, (name) => witnesses[name] ?? null);
  return frontendWeights(frontend("www", "192.0.2.1", pools), facts);
}

const effective = (weights: FrontendWeights) =>
  Object.fromEntries(weights.members.map((member) => [member.backend, member.effective]));

const notYetKnown: MemberStatus = { state: "unknown", known: false };

// state of b2, weight in the active pool, weight outside of it; b1 is up and decides which pool is active.
const table: readonly (readonly [State, number, number])[] = [
  ["up", 50, 0],
  ["unknown", 0, 0],
  ["paused", 0, 0],
  ["down", 0, 0],
  ["disabled", 0, 0],
  ["removed", 0, 0],
];

for (const [state, active, standby] of table) {
  Deno.test(`a backend that is ${state} weighs ${active} in the active pool and ${standby} in another`, () => {
    const together = judge({ primary: { b1: 100, b2: 50 } }, { b1: "up", b2: state });
    assert.deepEqual(effective(together), { b1: 100, b2: active });
    const apart = judge({ primary: { b1: 100 }, fallback: { b2: 50 } }, { b1: "up", b2: state });
    assert.deepEqual(effective(apart), { b1: 100, b2: standby });
    assert.equal(apart.activePool, "primary");
  });
}

Deno.test("failover: the first pool that can carry is active, the first of all when none can", () => {
  const pools = { a: { b1: 10 }, b: { b2: 20, b3: 0 }, c: { b4: 40 } };
  const active = (b1: State, b2: State, b3: State, b4: State) => judge(pools, { b1, b2, b3, b4 });
  assert.deepEqual(effective(active("down", "up", "up", "up")), { b1: 0, b2: 20, b3: 0, b4: 0 });
  assert.equal(active("down", "down", "up", "up").activePool, "c", "up with weight 0 carries nothing");
  assert.equal(active("down", "down", "up", "down").activePool, "a");
  assert.equal(active("up", "up", "up", "up").activePool, "a");
});

const stateRows: readonly (readonly [State, State, FrontendState])[] = [
  ["unknown", "unknown", "unknown"],
  ["unknown", "up", "up"],
  ["unknown", "down", "down"],
  ["unknown", "paused", "down"],
  ["unknown", "disabled", "down"],
  ["paused", "disabled", "down"],
  ["down", "up", "up"],
];
for (const [b1, b2, expected] of stateRows) {
  Deno.test(`a frontend with members ${b1} and ${b2} is ${expected}`, () => {
    assert.equal(judge({ only: { b1: 1, b2: 1 } }, { b1, b2 }).state, expected);
  });
}

Deno.test("a frontend whose members are all at weight 0 is down, however healthy", () => {
  assert.equal(judge({ only: { b1: 0, b2: 0 } }, { b1: "up", b2: "up" }).state, "down");
});

Deno.test("not yet known: a witness above 0 counts as up with exactly that weight, 0 or none as unknown", () => {
  const pools = { primary: { b1: 100, b2: 50, b3: 50 }, fallback: { b4: 10 } };
  const all = { b1: notYetKnown, b2: notYetKnown, b3: notYetKnown, b4: notYetKnown };
  const carried = judge(pools, all, { b1: 37, b2: 0 });
  assert.deepEqual(effective(carried), { b1: 37, b2: 0, b3: 0, b4: 0 });
  assert.equal(carried.state, "up");
  assert.ok(carried.members.every((member) => member.state === "unknown"), "the state shown stays unknown");
  const failedOver = judge(pools, all, { b1: 0, b4: 10 });
  assert.equal(failedOver.activePool, "fallback");
  assert.deepEqual(effective(failedOver), { b1: 0, b2: 0, b3: 0, b4: 10 });
  assert.equal(judge(pools, all).state, "unknown");
});

Deno.test("not yet known: a weight that an operator set counts in place of the witness, upwards and downwards", () => {
  const configured = config({
    checks: [tcpCheck("web")],
    backends: ["b1", "b2", "b3"].map((name, i) => backend(name, `10.0.0.${i + 1}`, "web")),
    frontends: [frontend("www", "192.0.2.1", { primary: { b1: 100, b2: 100 }, fallback: { b3: 100 } })],
  });
  const weighed = (weights: Readonly<Record<string, number>>, vpp: Readonly<Record<string, number>>) => {
    let running = configured;
    for (const [name, weight] of Object.entries(weights)) {
      const set = { frontend: "www", pool: "primary", backend: name, weight, by: "alice", restored: false };
      running = withWeights(running, [set]);
    }
    const www = running.frontends.get("www");
    assert.ok(www !== undefined);
    return frontendWeights(
      www,
      factsOf(() => ({ state: "unknown", known: false }), (name) => vpp[name] ?? null),
    );
  };
  const vpp = { b1: 70, b2: 0, b3: 0 };
  assert.deepEqual(effective(weighed({ b1: 30, b2: 30 }, vpp)), { b1: 30, b2: 30, b3: 0 });
  assert.deepEqual(effective(weighed({ b2: 30 }, {})), { b1: 0, b2: 30, b3: 0 }, "also without a witness");
  assert.deepEqual(
    effective(weighed({ b1: 100 }, vpp)),
    { b1: 100, b2: 0, b3: 0 },
    "the file's, if he says so",
  );
  // Drained by an operator, the pool does not carry, known or not.
  const drained = weighed({ b1: 0 }, { b1: 70, b3: 40 });
  assert.deepEqual([drained.activePool, effective(drained)], ["fallback", { b1: 0, b2: 0, b3: 40 }]);
});

Deno.test("a backend that is unknown because an operator resumed it weighs nothing, whatever VPP has", () => {
  assert.deepEqual(effective(judge({ only: { b1: 100 } }, { b1: "unknown" }, { b1: 100 })), { b1: 0 });
});

interface RandomMember {
  readonly weight: number;
  readonly state: State;
  readonly known: boolean;
  readonly vpp: number | null;
}
const anyMember: fc.Arbitrary<RandomMember> = fc.record({
  weight: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 })),
  state: fc.constantFrom(...states),
  known: fc.boolean(),
  vpp: fc.option(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100 }))),
});
const anyPools = fc.array(fc.array(anyMember, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 4,
});

function named(pools: readonly (readonly RandomMember[])[]) {
  const all = new Map<string, RandomMember & { readonly pool: string }>();
  pools.forEach((members, p) => members.forEach((m, i) => all.set(`p${p}m${i}`, { ...m, pool: `p${p}` })));
  const configured: Record<string, Record<string, number>> = {};
  for (const [name, { pool, weight }] of all) configured[pool] = { ...configured[pool], [name]: weight };
  return { all, www: frontend("www", "192.0.2.1", configured) };
}

Deno.test("random pools weigh what a naive reading of the rules gives", () => {
  fc.assert(
    fc.property(anyPools, (pools) => {
      const { all, www } = named(pools);
      const got = frontendWeights(
        www,
        factsOf((n) => all.get(n) ?? assert.fail(n), (n) => all.get(n)?.vpp ?? null),
      );
      const list = [...all].map(([name, member]) => ({ name, ...member }));
      // First replace every backend that is not yet known by what VPP says of it, then forget that there was a difference.
      const plain = list.map((m) =>
        m.state !== "unknown" || m.known
          ? m
          : (m.vpp ?? 0) > 0
          ? { ...m, state: "up", weight: m.vpp ?? 0 }
          : m
      );
      const carries = plain.filter((m) => m.state === "up" && m.weight > 0).map((m) => m.pool);
      const active = pools.map((_, p) => `p${p}`).find((pool) => carries.includes(pool)) ?? "p0";
      const weights = plain.map((m) =>
        [m.name, m.state === "up" && m.pool === active ? m.weight : 0] as const
      );
      assert.equal(got.activePool, active);
      assert.deepEqual(Object.entries(effective(got)), weights);
      const state = weights.some(([, w]) => w > 0)
        ? "up"
        : list.every((m) => m.state === "unknown")
        ? "unknown"
        : "down";
      assert.equal(got.state, state);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("a restart in an unchanged world wants exactly the weights that VPP has, for any members not yet known", () => {
  const settled = fc.record({
    weight: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 })),
    state: fc.constantFrom<State>("up", "down"),
    // Without a check a backend is up at once; the file may have it disabled; an answer may be in already.
    after: fc.constantFrom("silent", "silent", "silent", "answered", "static", "disabled in the file"),
  });
  const worlds = fc.array(fc.array(settled, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(worlds, (pools) => {
      const before = new Map<string, State>();
      const after = new Map<string, MemberStatus>();
      const configured: Record<string, Record<string, number>> = {};
      pools.forEach((members, p) =>
        members.forEach((member, i) => {
          const name = `p${p}m${i}`;
          configured[`p${p}`] = { ...configured[`p${p}`], [name]: member.weight };
          const state = member.after === "static"
            ? "up"
            : member.after === "silent" || member.after === "answered"
            ? member.state
            : "disabled";
          before.set(name, state);
          after.set(name, member.after === "silent" ? notYetKnown : { state, known: true });
        })
      );
      const www = frontend("www", "192.0.2.1", configured);
      const status = (name: string): MemberStatus => ({ state: before.get(name) ?? "removed", known: true });
      const inVpp = effective(frontendWeights(www, factsOf(status, () => null)));
      const facts = factsOf((n) => after.get(n) ?? assert.fail(n), (n) => inVpp[n] ?? null);
      const restarted = frontendWeights(www, facts);
      assert.deepEqual(effective(restarted), inVpp);
    }),
    { numRuns: 300 },
  );
});

Deno.test("only the active pool carries, and never a member that is not up", () => {
  fc.assert(fc.property(anyPools, (pools) => {
    const { all, www } = named(pools);
    const got = frontendWeights(
      www,
      factsOf((n) => all.get(n) ?? assert.fail(n), (n) => all.get(n)?.vpp ?? null),
    );
    for (const member of got.members) {
      if (member.effective === 0) continue;
      assert.equal(member.pool, got.activePool);
      assert.ok(member.state === "up" || (member.state === "unknown" && !member.known));
    }
    assert.deepEqual(got.members.map((m) => m.backend), [...all.keys()]);
  }));
});

import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { stringify } from "yaml";
import { parseResponseCodes } from "../../src/config/patterns.ts";
import { checkText } from "../../src/config/load.ts";
import { autoTableLength } from "../../src/config/table_length.ts";
import { complete } from "./golden.ts";

const LB = { "lb": { "ipv4-src-address": "192.0.2.1", "ipv6-src-address": "2001:db8::1" } };

function check(maglev: Record<string, unknown>): { exitCode: number; said: string[] } {
  const { exitCode, findings } = checkText(stringify({ maglev: { ...maglev, vpp: LB } }), "f", {
    fileRules: false,
  });
  const said = findings.filter(({ severity }) => severity === "error").map(({ path, message }) =>
    `${path}: ${message}`
  );
  return { exitCode, said };
}

const BACKENDS = ["192.0.2.1", "192.0.2.2", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
const SERVICES = [null, ["tcp", 80], ["udp", 80], ["tcp", 81]] as const;

interface World {
  readonly address: number;
  readonly service: number;
  /** Members (indexes into BACKENDS) of each pool. */
  readonly pools: readonly (readonly number[])[];
}

const world: fc.Arbitrary<World[]> = fc.array(
  fc.record({
    address: fc.nat({ max: 1 }),
    service: fc.nat({ max: 3 }),
    pools: fc.array(fc.uniqueArray(fc.nat({ max: 4 }), { minLength: 1, maxLength: 2 }), {
      minLength: 1,
      maxLength: 2,
    }),
  }),
  { maxLength: 3 },
);

function family(member: number): number {
  return isIP(BACKENDS[member] ?? "");
}

/** The cross rules in the words of the documentation, pair by pair. */
function allowed(frontends: readonly World[]): boolean {
  const families = frontends.map(({ pools }) => new Set(pools.flat().map(family)));
  const inside = frontends.every(({ pools }, index) => {
    const members = pools.flat();
    return new Set(members).size === members.length && families[index]?.size === 1 &&
      new Set(members.map((member) => BACKENDS[member])).size === members.length;
  });
  return inside && frontends.every((a, i) =>
    frontends.every((b, j) => {
      if (i === j || a.address !== b.address) return true;
      if (a.service === b.service || a.service === 0 || b.service === 0) return false;
      return [...families[i] ?? []][0] === [...families[j] ?? []][0];
    })
  );
}

Deno.test("frontends are accepted exactly when no cross rule forbids them", () => {
  let good = 0;
  let bad = 0;
  fc.assert(
    fc.property(world, (frontends) => {
      const { exitCode, said } = check({
        backends: Object.fromEntries(BACKENDS.map((address, i) => [`b${i}`, { address }])),
        frontends: Object.fromEntries(frontends.map(({ address, service, pools }, i) => {
          const [protocol, port] = SERVICES[service] ?? [];
          return [`f${i}`, {
            address: `198.51.100.${address + 1}`,
            ...(protocol === undefined ? {} : { protocol, port }),
            pools: pools.map((members, p) => ({
              name: `p${p}`,
              backends: Object.fromEntries(members.map((member) => [`b${member}`, {}])),
            })),
          }];
        })),
      });
      const expected = allowed(frontends);
      expected ? good++ : bad++;
      assert.equal(exitCode, expected ? 0 : 2, said.join("\n"));
    }),
    { numRuns: 500 },
  );
  assert.ok(good > 30 && bad > 30, `${good} good, ${bad} bad`);
});

Deno.test("names are 1 to 64 letters, digits, dots, underscores and hyphens with a letter or digit, everywhere", () => {
  const long = fc.stringMatching(/^[a-z._-]{60,70}$/);
  fc.assert(fc.property(fc.oneof(fc.stringMatching(/^[A-Za-z0-9._ /:-]{1,6}$/), long), (name) => {
    const good = /^[A-Za-z0-9._-]{1,64}$/.test(name) && /[A-Za-z0-9]/.test(name);
    const { exitCode, said } = check({
      healthchecks: { [name]: { type: "icmp" } },
      backends: { [name]: { address: "192.0.2.1", healthcheck: name } },
      frontends: { [name]: { address: "198.51.100.1", pools: [{ name, backends: { [name]: {} } }] } },
    });
    assert.equal(exitCode, good ? 0 : 2);
    // Said of the health check, the backend, the frontend and the pool, and not of the references to them.
    assert.equal(said.length, good ? 0 : 4, said.join("\n"));
  }));
});

Deno.test("names that mean something to JavaScript are names like any other", () => {
  for (const name of ["__proto__", "constructor", "toString", "1", "1.5", "true", "null"]) {
    const text = complete(
      `  backends: {"${name}": {address: 192.0.2.10, healthcheck: web}}\n` +
        `  frontends: {"${name}": {address: 198.51.100.1, pools: [{name: "${name}", backends: {"${name}": }}]}}\n`,
    );
    const { config } = checkText(text, "f", { fileRules: false });
    assert.deepEqual([...config?.backends.keys() ?? []], [name]);
    assert.deepEqual(config?.frontends.get(name)?.pools, [{
      name,
      members: [{ backend: name, weight: 100 }],
    }]);
  }
  const bare = complete(
    "  backends: {1: {address: 192.0.2.10, healthcheck: web}}\n" +
      "  frontends: {f: {address: 198.51.100.1, pools: [{name: 2, backends: {1: }}]}}\n",
  );
  assert.equal(checkText(bare, "f", { fileRules: false }).exitCode, 0);
});

Deno.test("a frontend may have any mix of VIP family and backend family", () => {
  for (const vip of ["198.51.100.1", "2001:db8:1::1"]) {
    for (const address of ["192.0.2.10", "2001:db8:2::1"]) {
      const { said } = check({
        backends: { b: { address } },
        frontends: { f: { address: vip, pools: [{ name: "p", backends: { b: null } }] } },
      });
      assert.deepEqual(said, []);
    }
  }
});

Deno.test("frontends may be empty, but the key must be there", () => {
  assert.equal(check({ frontends: {} }).exitCode, 0);
  assert.equal(check({ frontends: null }).exitCode, 0);
  assert.deepEqual(check({}), { exitCode: 2, said: ['maglev: required key "frontends" is missing'] });
});

Deno.test("the automatic table length is the least power of two that gives every member 800 buckets", () => {
  const table = [[0, 1024], [1, 1024], [2, 2048], [5, 4096], [10, 8192], [20, 16384], [40, 32768], [
    81,
    65536,
  ], [2000, 65536]];
  for (const [members = 0, length] of table) assert.equal(autoTableLength(members), length, `${members}`);
  fc.assert(fc.property(fc.nat({ max: 300 }), (members) => {
    const length = autoTableLength(members);
    assert.ok(Number.isInteger(Math.log2(length)) && length >= 1024 && length <= 65536);
    assert.ok(length === 65536 || length >= 800 * members);
    assert.ok(length === 1024 || length / 2 < 800 * members);
  }));
});

Deno.test("the automatic table length counts the members of all pools, whatever their weights", () => {
  const pool = (name: string, from: number, to: number) => ({
    name,
    backends: Object.fromEntries(
      Array.from({ length: to - from }, (_, i) => [`b${from + i}`, { weight: 0 }]),
    ),
  });
  const text = stringify({
    maglev: {
      backends: Object.fromEntries(
        Array.from({ length: 6 }, (_, i) => [`b${i}`, { address: `192.0.2.${i + 1}` }]),
      ),
      frontends: { f: { address: "198.51.100.1", pools: [pool("p", 0, 3), pool("q", 3, 6)] } },
      vpp: LB,
    },
  });
  const frontend = checkText(text, "f", { fileRules: false }).config?.frontends.get("f");
  assert.equal(frontend?.newFlowsTableLength, 8192);
  assert.equal(frontend?.newFlowsTableLengthAuto, true);
});

Deno.test("weights are warned about exactly above an eighth of the table", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });
  fc.assert(fc.property(weights, fc.constantFrom(256, 512, 1024, 4096), (list, length) => {
    const backends = Object.fromEntries(list.map((_, i) => [`b${i}`, { address: `192.0.2.${i + 1}` }]));
    const members = Object.fromEntries(list.map((weight, i) => [`b${i}`, { weight }]));
    const frontend = {
      "address": "198.51.100.1",
      "new-flows-table-length": length,
      "pools": [{ name: "p", backends: members }],
    };
    const text = stringify({ maglev: { backends, frontends: { f: frontend }, vpp: LB } });
    const { findings } = checkText(text, "f", { fileRules: false });
    const sum = list.reduce((total, weight) => total + weight, 0);
    assert.equal(
      findings.length,
      sum * 8 > length ? 1 : 0,
      findings.map(({ message }) => message).join("\n"),
    );
    const message = findings[0]?.message ?? "";
    // Below the whole length every replica has its bucket, so no weight is lost.
    if (sum <= length) assert.doesNotMatch(message, /lose/);
    else assert.match(message, /weights lose their effect: b\d \(\d+\)/);
  }));
});

Deno.test("only the first names of many wrong ones are looked for", () => {
  const members = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`backend-${i}x`, {}]));
  const text = stringify({
    maglev: {
      backends: { "backend-1": { address: "192.0.2.1" } },
      frontends: { f: { address: "198.51.100.1", pools: [{ name: "p", backends: members }] } },
      vpp: LB,
    },
  });
  const wrong = checkText(text, "f", { fileRules: false }).findings.filter(({ pass }) => pass === "semantic");
  assert.equal(wrong.length, 50);
  assert.deepEqual(wrong.map(({ hint }) => hint !== null), wrong.map((_, i) => i < 20));
});

Deno.test("response codes accept exactly the listed ones", () => {
  const range = fc.tuple(fc.integer({ min: 100, max: 599 }), fc.integer({ min: 100, max: 599 }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  fc.assert(fc.property(fc.array(range, { minLength: 1, maxLength: 4 }), (ranges) => {
    const text = ranges.map(([from, to]) => from === to ? `${from}` : `${from}-${to}`).join(",");
    const parsed = parseResponseCodes(text);
    const codes = parsed.ok ? parsed.value : [];
    for (let status = 100; status <= 599; status++) {
      const accepted = codes.some(({ from, to }) => status >= from && status <= to);
      assert.equal(
        accepted,
        ranges.some(([from, to]) => status >= from && status <= to),
        `${status} of ${text}`,
      );
    }
  }));
});

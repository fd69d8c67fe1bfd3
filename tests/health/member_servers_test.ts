import assert from "node:assert/strict";
import fc from "fast-check";
import { type Claim, memberServers } from "../../src/health/frontend.ts";
import type { IpAddress, State } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";

const [A, B, C] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(ip) as [IpAddress, IpAddress, IpAddress];
const all = () => true;

const at = (address: IpAddress, state: State = "up"): Claim => ({ address, state, previous: null });
const moves = (from: IpAddress, to: IpAddress): Claim => ({
  address: to,
  state: "unknown",
  previous: { address: from, state: "up", known: true },
});

Deno.test("a member that waits for the verdict on its new address is served by the previous one", () => {
  assert.deepEqual(memberServers([at(A), moves(B, C)], all), [A, B]);
});

Deno.test("two members exchange their addresses: the first verdict takes the server, the other keeps what is free", () => {
  assert.deepEqual(memberServers([moves(A, B), moves(B, A)], all), [A, B]);
  assert.deepEqual(memberServers([at(B), moves(B, A)], all), [B, A]);
  assert.deepEqual(memberServers([moves(A, B), at(A, "down")], all), [B, A]);
  assert.deepEqual(memberServers([at(B), at(A)], all), [B, A]);
});

Deno.test("three in a circle: VPP's servers stay the same with each verdict", () => {
  const waits = [moves(A, B), moves(B, C), moves(C, A)];
  const done = [at(B), at(C), at(A)];
  for (let decided = 0; decided < 8; decided++) {
    const claims = waits.map((wait, i) => (decided & (1 << i)) !== 0 ? done[i] ?? wait : wait);
    const servers = memberServers(claims, all);
    assert.deepEqual([...servers].sort(), [A, B, C], `${decided}`);
    claims.forEach((claim, i) => claim.previous === null && assert.equal(servers[i], claim.address));
  }
});

Deno.test("a member whose previous server is taken gets none that VPP does not have", () => {
  assert.deepEqual(memberServers([at(B), moves(B, C)], (address) => address === A), [B, null]);
});

Deno.test("a new backend at a previous address has its server only after its own verdict or the other's", () => {
  assert.deepEqual(memberServers([moves(A, B), at(A, "unknown")], all), [A, null]);
  assert.deepEqual(memberServers([at(B), at(A, "unknown")], all), [B, A]);
  assert.deepEqual(memberServers([moves(A, B), at(A, "down")], (address) => address === A), [null, A]);
});

Deno.test("whatever moves, no server serves for two members, and who has a verdict has its own address", () => {
  const addresses = Array.from({ length: 6 }, (_, i) => ip(`10.0.0.${i + 1}`));
  const worlds = fc.record({
    to: fc.shuffledSubarray(addresses, { minLength: 5, maxLength: 5 }),
    from: fc.shuffledSubarray(addresses, { minLength: 5, maxLength: 5 }),
    kinds: fc.array(fc.constantFrom<State | "waits">("up", "down", "unknown", "waits", "waits"), {
      minLength: 5,
      maxLength: 5,
    }),
    has: fc.subarray(addresses),
  });
  fc.assert(fc.property(worlds, ({ to, from, kinds, has }) => {
    const claims = kinds.map((kind, i) => {
      const [new_, old] = [to[i] ?? A, from[i] ?? A];
      return kind === "waits" ? moves(old, new_) : at(new_, kind);
    });
    const servers = memberServers(claims, (address) => has.includes(address));
    const given = servers.filter((server) => server !== null);
    assert.equal(new Set(given).size, given.length);
    claims.forEach((claim, i) => {
      const server = servers[i] ?? null;
      if (claim.previous === null && claim.state !== "unknown") assert.equal(server, claim.address);
      else if (claim.previous === null) assert.ok(server === null || server === claim.address);
      else assert.ok(server === null || server === claim.previous.address || has.includes(server));
    });
  }));
});

/** Whole daemons that the store does not let in: told in words, once, and nothing waits for it; then it is mended. */
import assert from "node:assert/strict";
import type { Backend, Fleet, Journal, ProblemList } from "../../src/api/mod.ts";
import type { Clock } from "../../src/clock.ts";
import type { Inside } from "../daemon/inside.ts";
import { noOpenssl } from "../probes/needs.ts";
import { CA, Pki, SERVER, type Signed } from "../probes/pki.ts";
import { Cluster } from "./cluster.ts";
import { fleetIs, quickClock, Site, test } from "./site.ts";

/** Files are looked at every half second in place of every minute; a call of the store has its whole 4 s. */
function lookingClock(): Clock {
  const quick = quickClock(10);
  const instead = new Map([[60_000, 5_000], [4_000, 40_000]]);
  return { ...quick, after: (ms, run) => quick.after(instead.get(ms) ?? ms, run) };
}

/** The store is away for this reason: in the answer, in one WARN, in the journal and as a problem. */
async function toldAway(node: Inside, why: RegExp): Promise<void> {
  const warned = await node.logged(({ level, msg }) => msg === "fleet-store" && level === "WARN");
  assert.match(String(warned.detail), why);
  const fleet = await node.json<Fleet>("/v1/fleet");
  assert.equal(fleet.store, "away");
  assert.match(fleet.store_detail, why);
  const { problems } = await node.json<ProblemList>("/v1/problems");
  assert.deepEqual(
    problems.filter(({ kind }) => kind === "fleet-store").map(({ text }) => text),
    [`the fleet's store is away: ${fleet.store_detail}`],
  );
  const { entries } = await node.json<Journal>("/v1/journal?kinds=fleet");
  assert.equal(entries.find(({ data }) => data.store !== undefined)?.data.store, "away");
  for (const query of ["", "?dry_run=true"]) {
    const refused = await node.ask(`/v1/backends/b2/pause${query}`, {
      method: "POST",
      body: '{"everywhere":true}',
      headers: { "content-type": "application/json" },
    });
    assert.equal(refused.status, 503, query);
    assert.match(await refused.text(), /the fleet's store is away: \S+/);
  }
}

/** Health, an operator's word and VPP go on. */
async function goesOn(node: Inside): Promise<void> {
  await node.logged(({ backend, to }) => backend === "b1" && to === "up");
  const paused = await node.send<Backend>("POST", "/v1/backends/b1/pause");
  assert.equal(paused.state, "paused");
  await node.synced();
  await node.send<Backend>("POST", "/v1/backends/b1/resume");
}

/** The store is back; it was away once. */
async function mended(node: Inside): Promise<void> {
  await fleetIs(
    node,
    ({ nodes, store }) => store === "live" && nodes.length >= 2,
    "the store and the others",
  );
  const warned = node.log.filter(({ level, msg }) => msg === "fleet-store" && level === "WARN");
  assert.equal(warned.length, 1, JSON.stringify(warned));
  const { problems } = await node.json<ProblemList>("/v1/problems");
  assert.deepEqual(problems.filter(({ kind }) => kind === "fleet-store"), []);
}

/** What an operator wants everywhere arrives. */
async function follows(from: Inside, ...to: Inside[]): Promise<void> {
  await from.send("POST", "/v1/backends/b3/pause", { everywhere: true });
  for (const node of to) {
    await node.until(async () => {
      const { state } = await node.json<Backend>("/v1/backends/b3");
      return state === "paused" ? true : undefined;
    }, "b3 paused");
  }
}

test("a wrong password and missing rights are told in words, hold up nothing, and are mended while the daemon runs", async () => {
  // To compare a password takes the store long by design; four daemons at once need not wait for that.
  await using cluster = await Cluster.start({ flags: ["--bcrypt-cost", "4"] });
  await cluster.users({
    ops: { password: "sesame-42", prefix: "/maglev/site/" },
    other: { password: "sesame-42", prefix: "/maglev/another/" },
    reader: { password: "sesame-42", prefix: "/maglev/another/" },
  });
  await cluster.asRoot("role", "grant-permission", "reader", "--prefix=true", "read", "/maglev/site/");
  await using site = new Site("77.120", cluster.endpoints);
  const file = (name: string) => `${cluster.folder}/${name}.password`;
  const start = async (name: string, user: string, password: string) => {
    await Deno.writeTextFile(file(name), `${password}\n`);
    const more = `, username: ${user}, password-file: ${file(name)}`;
    return await site.start(name, { more, clock: lookingClock() });
  };
  const [good, wrong, foreign, reader] = await Promise.all([
    start("lb1", "ops", "sesame-42"),
    start("lb2", "ops", "sesame-43"),
    start("lb3", "other", "sesame-42"),
    start("lb4", "reader", "sesame-42"),
  ]);
  await fleetIs(good, ({ store }) => store === "live", "the store");
  await toldAway(wrong, /the store does not accept the user or the password: .*authentication failed/);
  await toldAway(foreign, /the store gives this user no right to it: .*permission denied/);
  await toldAway(reader, /it takes no write of this node: the store gives this user no right to it: /);
  await Promise.all([wrong, foreign, reader].map(goesOn));
  // A user that may only read follows the others.
  await follows(good, reader);
  await Deno.writeTextFile(file("lb2"), "sesame-42\n");
  for (const role of ["other", "reader"]) {
    await cluster.asRoot("role", "grant-permission", role, "--prefix=true", "readwrite", "/maglev/site/");
  }
  await Promise.all([wrong, foreign, reader].map(mended));
  for (const node of site.nodes.values()) {
    assert.ok(!JSON.stringify(node.log).includes("sesame-4"), "no secret in the log");
  }
});

const tlsTest = (name: string, run: () => Promise<void>) =>
  noOpenssl === null ? test(name, run) : Deno.test.ignore(`${name} (skipped: ${noOpenssl})`, run);

tlsTest(
  "TLS to the store: expired and foreign certificates are told in words, and renewed files are taken",
  async () => {
    using pki = new Pki();
    const past = { from: "20200101000000Z", to: "20210101000000Z" };
    const server = pki.make({ name: "store" });
    const stale = pki.make({ name: "stale", ...past });
    const own = (file: string, more = {}) => pki.make({ name: "maglev", file, extensions: CLIENT, ...more });
    const fresh = own("fresh");
    const otherRoot = pki.make({ name: "Other Root", by: null, extensions: CA });
    await using cluster = await Cluster.start({ tls: { ca: pki.root.cert, server, client: fresh } });
    await using site = new Site("77.121", cluster.endpoints);
    const start = async (name: string, pair: Signed, ca: string) => {
      const files = {
        ca: pki.path(`${name}.ca`),
        cert: pki.path(`${name}.crt`),
        key: pki.path(`${name}.pk`),
      };
      await Deno.copyFile(ca, files.ca);
      await Deno.copyFile(pair.cert, files.cert);
      await Deno.copyFile(pair.key, files.key);
      const more = `, ca-file: ${files.ca}, cert-file: ${files.cert}, key-file: ${files.key}`;
      return { files, node: await site.start(name, { more, clock: lookingClock() }) };
    };
    const [good, expired, foreign] = await Promise.all([
      start("lb1", fresh, pki.root.cert),
      start("lb2", own("expired", past), pki.root.cert),
      start("lb3", fresh, otherRoot.cert),
    ]);
    await fleetIs(good.node, ({ store }) => store === "live", "the store over TLS");
    await toldAway(expired.node, /certificate/i);
    await toldAway(foreign.node, /certificate/i);
    await Promise.all([expired.node, foreign.node].map(goesOn));
    const renewed = own("renewed");
    await Deno.copyFile(renewed.cert, expired.files.cert);
    await Deno.copyFile(renewed.key, expired.files.key);
    await Deno.copyFile(pki.root.cert, foreign.files.ca);
    await Promise.all([expired.node, foreign.node].map(mended));
    await follows(good.node, expired.node, foreign.node);
    // The store's own certificate ends; etcd reads it for each new connection.
    await Deno.copyFile(stale.cert, server.cert);
    await Deno.copyFile(stale.key, server.key);
    const late = await start("lb4", fresh, pki.root.cert);
    await toldAway(late.node, /expired/i);
    await goesOn(late.node);
  },
);

/** Extensions of a client's certificate. */
const CLIENT = [...SERVER, "extendedKeyUsage=clientAuth"];

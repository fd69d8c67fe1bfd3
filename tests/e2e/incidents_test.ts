/**
 * The incidents at the head of the user guide: each is caused on a daemon that runs, and the guide shows what maglevc
 * prints then.
 */
import assert from "node:assert/strict";
import { opensslMissing } from "../../ffi/openssl.ts";
import { ip } from "../../src/net/ip.ts";
import { here } from "../daemon/inside.ts";
import { noOpenssl, testWith } from "../probes/needs.ts";
import { Pki } from "../probes/pki.ts";
import { type Pair, Site, type SiteOptions } from "./incident_world.ts";

/** MAGLEV_UPDATE_GOLDEN=1 writes the outputs anew. */
const update = Deno.env.get("MAGLEV_UPDATE_GOLDEN") === "1";
const file = new URL("../../docs/user-guide.md", import.meta.url);

/** Runs the commands of a block of the guide and compares, or writes, what they print. */
async function compare(site: Site, name: string): Promise<void> {
  const text = await Deno.readTextFile(file);
  const [, head = "", block] = new RegExp(`(^\`\`\`console ${name}\\n)([^]*?)^\`\`\`$`, "m").exec(text) ?? [];
  assert.ok(block !== undefined, `docs/user-guide.md has no block "console ${name}"`);
  const commands = [...block.matchAll(/^\$ maglevc (.*)$/gm)].map(([, words = ""]) => words);
  assert.equal(commands.length, 2, name);
  let shown = "";
  site.still();
  for (const words of commands) {
    const { out, err } = await site.maglevc(words);
    shown += `$ maglevc ${words}\n${out}${err}`;
  }
  if (update) await Deno.writeTextFile(file, text.replace(head + block, () => head + shown));
  else assert.equal(shown, block);
}

/** A test that causes an incident and compares what the guide shows of it. */
function incident(
  name: string,
  cause: (site: Site) => Promise<void>,
  { needs = [], options = () => ({}) }: {
    readonly needs?: readonly (string | null)[];
    readonly options?: () => SiteOptions;
  } = {},
): void {
  testWith(needs, `docs/user-guide.md: the incident ${name} looks as the guide shows it`, async () => {
    await using site = await Site.start(options());
    site.begin();
    await cause(site);
    await compare(site, name);
  });
}

incident("backend-killed", async (site) => {
  await site.servers.web1.stop();
  await site.problems("backend-down");
  await site.settled();
});

incident("backend-slow", async (site) => {
  // Among enough quick probes the slow ones are few for seconds, however late this looks.
  await site.backend("web2", ({ latency }) => (latency?.recent.length ?? 0) >= 20);
  site.servers.web2.delayMs = 240;
  const slow = (ns: string | null | undefined) => Number(ns) > 200e6;
  await site.backend(
    "web2",
    ({ last_probe: last, latency }) =>
      slow(last?.first_byte_ns) && slow(latency?.p95_ns) && !slow(latency?.p50_ns),
  );
});

const days = {
  good: ["20260101000000Z", "20990101000000Z"],
  ended: ["20250101000000Z", "20260131090000Z"],
} as const;

testWith(
  [noOpenssl, opensslMissing()],
  "docs/user-guide.md: the incident certificate-ended looks as the guide shows it",
  async () => {
    using pki = new Pki();
    const pair = (file: keyof typeof days): Pair => {
      const [from, to] = days[file];
      const made = pki.make({
        name: "www.example.net",
        file,
        from,
        to,
        extensions: ["subjectAltName=DNS:www.example.net"],
      });
      return { cert: Deno.readTextFileSync(made.cert), key: Deno.readTextFileSync(made.key) };
    };
    const check = `type: https, params: { ca-file: ${pki.root.cert}, server-name: www.example.net }`;
    await using site = await Site.start({ check, pair: pair("good") });
    site.begin();
    await site.servers.web1.stop();
    site.restart("web1", pair("ended"));
    await site.problems("backend-down", "certificate");
    await site.settled();
    await compare(site, "certificate-ended");
  },
);

incident("vpp-gone", async (site) => {
  site.still();
  await site.vpp.simulator.kill();
  await site.problems("vpp-gone");
});

incident("drift-by-hand", async (site) => {
  // It is mended a second after it is seen.
  site.still();
  const retval = site.vpp.simulator.vpp.lb.lb_as_set_weight({
    pfx: "192.0.2.1/32",
    protocol: 6,
    port: 443,
    as_address: ip("127.77.96.2"),
    weight: 3,
    is_flush: false,
  });
  assert.equal(retval, 0);
  await site.inside.json("/v1/vpp/lb/state");
});

incident("weight-of-a-colleague", async (site) => {
  const answer = await site.inside.ask("/v1/frontends/www/pools/primary/backends/web2/weight", {
    method: "PUT",
    headers: { "content-type": "application/json", "x-maglev-actor": "alice" },
    body: JSON.stringify({ weight: 10, reason: "ticket 4711" }),
  }, here);
  assert.equal(answer.status, 200, await answer.text());
  await site.settled();
});

incident("probes-blind", async (site) => {
  await site.reload(", probe-ipv4-src: 192.0.2.77");
  await site.backend("web1", ({ last_probe: last }) => last?.void === "source-address");
  site.clock.jump(12_000);
  await site.problems("all-blind", "backend-blind", "backend-blind", "backend-blind");
});

incident("last-server", async (site) => {
  await site.servers.web1.stop();
  await site.problems("backend-down");
  await site.settled();
});

/** What the daemon of the site answers to questions about now, the past and the future. */
import type * as api from "../../src/api/mod.ts";
import type { Announcement } from "../../src/bus/mod.ts";
import { chainLink } from "../../src/chain.ts";
import { pauseOverride, siteNow, siteSince as since, weightOverride } from "./site.ts";

/** GET /v1/problems */
export const problems: api.ProblemList = {
  critical: 1,
  warnings: 2,
  problems: [
    {
      severity: "critical",
      kind: "frontend-down",
      object: "dns",
      since: since(200_000),
      text: "frontend dns is down: none of its 1 backends is up",
      show: "explain frontend dns",
      fix: "set backend ns1 enable",
    },
    {
      severity: "warning",
      kind: "backend-down",
      object: "web3",
      since: since(42),
      text: "backend web3 is down: L4CON connection refused",
      show: "explain backend web3",
      fix: null,
    },
    {
      severity: "warning",
      kind: "out-of-sync",
      object: "www6",
      since: since(30),
      text: "VPP does not have what frontend www6 should be: 1 change is pending",
      show: "show vpp lb plan www6",
      fix: "sync vpp lb state www6",
    },
    {
      severity: "info",
      kind: "paused",
      object: "web2",
      since: since(3_725),
      text: "backend web2 is paused by alice: ticket 4711",
      show: "show overrides",
      fix: "set backend web2 resume",
    },
  ],
};

/** Four of 300 backends are down. */
export const manyProblems: api.ProblemList = {
  critical: 0,
  warnings: 4,
  problems: [7, 70, 170, 270].map((i) => ({
    severity: "warning",
    kind: "backend-down",
    object: `srv-${i}-xxxxxxxxxxxxxxxxx`,
    since: since(i),
    text: `backend srv-${i}-xxxxxxxxxxxxxxxxx is down: L4TOUT no connection within 1s`,
    show: `explain backend srv-${i}-xxxxxxxxxxxxxxxxx`,
    fix: null,
  })),
};

/** GET /v1/overrides */
export const overrides: api.Override[] = [
  weightOverride,
  pauseOverride,
  {
    ...weightOverride,
    id: "weight-old",
    backend: "web9",
    scope: "here",
    sleeping: { since: since(100_000), why: "web9 is not in the configuration" },
  },
];

const entry = (
  seconds: number,
  kind: api.JournalKind,
  rest: Partial<api.JournalEntry>,
): api.JournalEntry => ({
  seq: (siteNow - seconds * 1000) * 1000,
  at: since(seconds),
  kind,
  backend: null,
  frontend: null,
  by: null,
  claimed: null,
  reason: null,
  text: "",
  data: {},
  chain: null,
  ...rest,
});

/** Entries of changes and overrides get their links, oldest first. */
function chained(entries: readonly api.JournalEntry[]): api.JournalEntry[] {
  let chain = "";
  return entries.map((of) => {
    if (of.kind !== "change" && of.kind !== "override") return of;
    const { chain: _, ...rest } = of;
    chain = chainLink(chain, JSON.stringify(rest));
    return { ...of, chain };
  });
}

/** The journal, oldest first. */
export const journal: readonly api.JournalEntry[] = chained([
  entry(93_790, "process", { text: "maglevd 0.1.0 started, process 4242" }),
  entry(93_784, "backend", { backend: "web1", text: "backend web1: unknown to up, L7OK HTTP 200" }),
  entry(3_725, "change", {
    backend: "web2",
    by: "ops",
    claimed: "alice",
    reason: "ticket 4711",
    text: "backend web2: pause",
  }),
  entry(3_725, "override", {
    seq: (siteNow - 3_725_000) * 1000 + 1,
    backend: "web2",
    by: "ops",
    claimed: "alice",
    reason: "ticket 4711",
    text: "pause of web2 is set",
  }),
  entry(3_725, "backend", {
    seq: (siteNow - 3_725_000) * 1000 + 2,
    backend: "web2",
    by: "ops",
    text: "backend web2: up to paused",
  }),
  entry(42, "backend", { backend: "web3", text: "backend web3: up to down, L4CON connection refused" }),
  entry(42, "sync", {
    seq: (siteNow - 42_000) * 1000 + 1,
    frontend: "www",
    text: "sync of frontend www: 1 change, web3 weight 100 to 0 with flush",
  }),
]);

const member = (rest: Partial<api.Explain["members"][number]>): api.Explain["members"][number] => ({
  frontend: "www",
  pool: "primary",
  backend: "web1",
  in_use: true,
  pool_reason: "the first pool with a member that is up and has a weight",
  file_weight: 100,
  override: null,
  state: "up",
  state_reason: "the first verdict: L7OK HTTP 200",
  state_since: since(93_784),
  effective_weight: 20,
  sent: { at: since(93_780), weight: 20, flush: false, retval: 0, reason: "backend web1 up" },
  in_vpp: { weight: 20, num_buckets: 4096, read_at: since(2) },
  ...rest,
});

/** Explanation of www. */
export const explanation: api.Explain = {
  at: since(0),
  frontend: "www",
  state: "up",
  text: "frontend www is up: new flows go to web1 (weight 20) in pool primary",
  members: [
    member({ override: weightOverride }),
    member({
      backend: "web3",
      state: "down",
      state_reason: "3 failures in a row: L4CON connection refused",
      state_since: since(42),
      effective_weight: 0,
      sent: { at: since(42), weight: 0, flush: true, retval: -71, reason: "backend web3 down" },
      in_vpp: { weight: 0, num_buckets: null, read_at: since(2) },
    }),
    member({
      pool: "fallback",
      backend: "spare1",
      in_use: false,
      pool_reason: "pool primary comes first and has web1",
      state_reason: "no health check",
      effective_weight: 0,
      sent: null,
      in_vpp: null,
    }),
  ],
};

/** The same with so many members that they are a table. */
export const longExplanation: api.Explain = {
  ...explanation,
  members: Array.from({ length: 300 }, (_, i) => member({ backend: `srv-${i}-`.padEnd(23, "x") })),
};

/** A replay of web3. */
export const replay: api.Replay = {
  backend: "web3",
  since: since(7_300),
  until: since(0),
  rule: { rise: 2, fall: 5 },
  exact: false,
  recorded: { downs: 2, down_ns: "242000000000" },
  replayed: {
    downs: 1,
    down_ns: "190000000000",
    transitions: [{ at: since(7_190), to: "down", code: "L7RSP" }, {
      at: since(7_000),
      to: "up",
      code: "L7OK",
    }],
  },
  gaps: 1,
};

/** GET /v1/fleet */
export const fleet: api.Fleet = {
  name: "prod",
  node: "lb1",
  store: "live",
  store_since: since(93_000),
  store_detail: "",
  nodes: [
    {
      node: "lb1",
      age_ns: "1000000000",
      version: "0.1.0",
      config: "same",
      config_digest: "5f2b1c0a9d3e4f60",
      vpp: "in-sync",
      not_up: ["web2", "web3"],
    },
    {
      node: "lb2",
      age_ns: "4200000000",
      version: "0.1.0",
      config: "differs",
      config_digest: "a1b2c3d4e5f60718",
      vpp: "out-of-sync",
      not_up: [],
    },
  ],
  disagreements: [
    {
      kind: "health",
      object: "web3",
      text: "web3: down here, up on lb2: it may be this node's path",
      nodes: { lb1: "down", lb2: "up" },
    },
  ],
};

/** What happens next: web1 fails, and www6 with it. */
export const news: readonly Announcement[] = [
  {
    kind: "backend",
    backend: "web1",
    frontends: ["www", "www6"],
    transition: {
      from: "up",
      to: "down",
      at: since(0),
      at_unix_ns: `${siteNow}000000`,
      code: "L7STS",
      detail: "HTTP 503",
      by: null,
      effects: [{ frontend: "www", pool: "primary", weight_before: 100, weight_after: 0, flush: true }],
    },
  },
  {
    kind: "frontend",
    frontend: "www6",
    from: "up",
    to: "down",
    active_pool: "all",
    reason: "no server is up",
  },
];

/** What an action of the site changes: `web1` is the last server of www6, and of the first pool of www. */
export function consequences(path: string, dry_run: boolean): api.Consequences {
  const of = (name: string) => path.includes(`/${name}/`);
  const flush = path.endsWith("/disable");
  const flushed = flush ? ["web1"] : [];
  const known: api.Consequences = {
    dry_run,
    durable: !of("spare1"),
    durable_detail: of("spare1") ? "the disk is full" : "",
    replaced: of("web2") ? pauseOverride : null,
    frontends: [],
    changes: [],
  };
  if (of("ns1")) return { ...known, frontends: null, changes: null };
  const change: api.Change = {
    seq: 0,
    kind: "as_weight_updated",
    frontend: "www",
    prefix: "192.0.2.1/32",
    protocol: "tcp",
    port: 443,
    address: "10.0.0.11",
    backend: "web1",
    weight_before: 100,
    weight_after: 0,
    flush,
    traffic_affecting: true,
    held: null,
    holds: [],
    reason: "web1 is paused",
  };
  const www = {
    frontend: "www",
    from: "up" as const,
    to: "up" as const,
    pool_before: "primary",
    pool_after: "primary",
    servers_left: 1,
    moved_share: 0,
    flushed,
  };
  if (of("frontends/www")) return { ...known, frontends: [www], changes: [{ ...change, weight_after: 20 }] };
  if (!/\/web1\/(pause|disable)$/.test(path)) return known;
  return {
    ...known,
    frontends: [
      { ...www, pool_after: "fallback", moved_share: 1 },
      {
        ...www,
        frontend: "www6",
        to: "down",
        pool_before: "all",
        pool_after: null,
        servers_left: 0,
        moved_share: null,
      },
    ],
    changes: [change],
  };
}

/** A page of the journal. */
function page(query: URLSearchParams): api.Journal {
  const wanted = [...journal].reverse().filter((of) =>
    (query.get("kinds") === null || query.get("kinds")?.split(",").includes(of.kind)) &&
    (query.get("backend") ?? of.backend) === of.backend &&
    (query.get("frontend") ?? of.frontend) === of.frontend &&
    Date.parse(of.at) >= Date.parse(query.get("since") ?? "1970-01-01") &&
    Date.parse(of.at) <= Date.parse(query.get("until") ?? "2100-01-01") &&
    of.seq < Number(query.get("before") ?? Infinity)
  );
  // Small pages, so that readers must turn them.
  const entries = wanted.slice(0, Math.min(3, Number(query.get("limit") ?? 100)));
  const last = entries.at(-1);
  return {
    entries,
    before: last !== undefined && entries.length < wanted.length ? last.seq : null,
    oldest: journal[0]?.at ?? null,
    dropped: 0,
  };
}

/** The answer to a request that is about the past or the future; null: it is about something else. */
export function answerOf(method: string, path: string, query: URLSearchParams): unknown {
  if (method === "GET") {
    if (path === "/v1/problems") return problems;
    if (path === "/v1/overrides") return { overrides };
    if (path === "/v1/journal") return page(query);
    if (path === "/v1/fleet") return fleet;
    if (/^\/v1\/backends\/[^/]+\/replay$/.test(path)) return replay;
    if (path === "/v1/frontends/www/explain" || path === "/v1/backends/web3/explain") {
      const at = query.get("at");
      const members = path.includes("/backends/")
        ? explanation.members.filter(({ backend }) => backend === "web3")
        : explanation.members;
      const text = path.includes("/backends/")
        ? "backend web3 is down (3 failures in a row: L4CON connection refused); it has weight 0 in www/primary"
        : explanation.text;
      const frontend = path.includes("/backends/") ? null : "www";
      return { ...explanation, members, text, frontend, ...(at === null ? {} : { at }) };
    }
  }
  const cleared = /^\/v1\/overrides\/([^/]+)$/.exec(path)?.[1];
  if (method === "DELETE" && overrides.some(({ id }) => id === cleared)) {
    const dry = query.get("dry_run") === "true";
    return {
      overrides: dry ? overrides : overrides.filter(({ id }) => id !== cleared),
      consequences: consequences(path, dry),
    };
  }
  return null;
}

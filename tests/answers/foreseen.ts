/** The core of a daemon, an action, and what comes of it: foreseen, and as it happened. */
import type { Change } from "../../src/api/mod.ts";
import { consequences, type Foreseen, type ForeseenAction } from "../../src/answers/consequences.ts";
import type { BackendAction } from "../../src/control.ts";
import { withWeights } from "../../src/health/config.ts";
import type { Op } from "../../src/lb/balancer.ts";
import { frontendVip, vipId } from "../../src/lb/vips.ts";
import type { ActualVip } from "../../src/model.ts";
import type { Config } from "../../src/configuration.ts";
import { type Core, words } from "../daemon/core.ts";
import { alice } from "../health/kit.ts";
import { newFlowTable } from "../../src/lb/table/table.ts";
import type { FakeBalancer } from "../lb/fake_balancer.ts";

/** What an operator does. */
export type Deed =
  | { readonly kind: "act"; readonly backend: string; readonly action: BackendAction }
  | {
    readonly kind: "weight";
    readonly frontend: string;
    readonly pool: string;
    readonly backend: string;
    readonly weight: number;
    readonly flush: boolean;
  }
  | { readonly kind: "reload"; readonly config: Config };

/** The deed as its consequences see it. */
export function foreseenAction(core: Core, deed: Deed): ForeseenAction {
  const none = { weightFlush: null, wanted: null, all: false };
  switch (deed.kind) {
    case "act": {
      const { action, backend } = deed;
      const wanted = action === "resume" || action === "enable" ? backend : null;
      return {
        ...none,
        assumptions: [{ kind: "events", backend, events: [{ kind: action }], cause: "asked" }],
        wanted,
      };
    }
    case "weight": {
      const { backend, flush, frontend, pool, weight } = deed;
      const set = { frontend, pool, backend, weight, by: alice.principal, restored: false };
      const config = withWeights(core.tracker.config, [set]);
      return {
        ...none,
        assumptions: [{ kind: "weights", config, frontends: [frontend] }],
        weightFlush: flush ? { frontend, backend } : null,
      };
    }
    case "reload": {
      const { config, overrides: { orders } } = core.tracker.foreseenReload(deed.config);
      return { ...none, assumptions: [{ kind: "reload", config, orders }], all: true };
    }
  }
}

/** Frontends that the deed releases from the warm-up. */
function asked(core: Core, deed: Deed): string[] {
  if (deed.kind === "weight") return [deed.frontend];
  if (deed.kind === "reload" || deed.action === "resume" || deed.action === "enable") return [];
  return core.tracker.entry(deed.backend)?.frontends ?? [];
}

/** What would come of a deed. */
export async function foresee(core: Core, deed: Deed): Promise<Foreseen> {
  const moment = { health: core.tracker.picture(), vpp: core.reconciler.picture(asked(core, deed)) };
  return await consequences(moment, foreseenAction(core, deed), core.clock, () => Promise.resolve());
}

/** Does it; resolves when VPP was told, or cannot be told now. */
export async function carryOut(core: Core, deed: Deed): Promise<void> {
  switch (deed.kind) {
    case "act": {
      const done = core.tracker.orders.act(deed.backend, deed.action, alice);
      if (done.ok) core.reconciler.acted(deed.backend, deed.action);
      return;
    }
    case "weight":
      return await core.weigh(deed.frontend, deed.pool, deed.backend, deed.weight, deed.flush);
    case "reload":
      return await core.reload(deed.config);
  }
}

/** States, pools and tables of one moment. */
export interface Seen {
  readonly config: Config;
  readonly states: ReadonlyMap<string, { readonly state: string; readonly pool: string }>;
  /** Servers of each backend, by its name. */
  readonly servers: ReadonlyMap<string, ReadonlySet<string>>;
  readonly vips: ReadonlyMap<string, ActualVip>;
}

/** What is so now. */
export function seen({ tracker }: Core, vpp: FakeBalancer): Seen {
  const states = [...tracker.config.frontends.keys()].flatMap((name) => {
    const weights = tracker.weights(name);
    return weights === null ? [] : [[name, { state: weights.state, pool: weights.activePool }] as const];
  });
  const members = [...tracker.config.frontends.keys()].flatMap((name) =>
    tracker.weights(name)?.members ?? []
  );
  const servers = Map.groupBy(members, ({ backend }) => backend);
  return {
    config: tracker.config,
    states: new Map(states),
    servers: new Map(
      [...servers].map(([name, all]) => [name, new Set(all.flatMap(({ address }) => address ?? []))]),
    ),
    vips: new Map(vpp.vips.map((vip) => [vipId(vip), vip])),
  };
}

const vipOf = ({ config, vips }: Seen, name: string): ActualVip | null => {
  const frontend = config.frontends.get(name);
  return frontend === undefined ? null : vips.get(vipId(frontendVip(frontend))) ?? null;
};

/** Server of each bucket. */
function buckets(vip: ActualVip | null, length: number): readonly (string | null)[] {
  if (vip === null) return Array.from({ length }, () => null);
  const { servers, tableLength } = vip;
  const table = newFlowTable(tableLength, servers);
  return Array.from(table.buckets, (index) => servers[index]?.address ?? null);
}

/** Share of the buckets that were taken away from their servers. */
function moved(before: ActualVip | null, after: ActualVip | null): number | null {
  const length = after?.tableLength ?? before?.tableLength ?? 1;
  const was = buckets(before, length);
  const is = buckets(after, length);
  // Tables of different lengths are for the test of tables.
  if (was.length !== is.length) return null;
  return was.filter((server, index) => server !== null && server !== is[index]).length / length;
}

/** What happened to each frontend, from what VPP has and was sent. */
export function happened(before: Seen, after: Seen, ops: readonly Op[]) {
  const names = new Set([...after.config.frontends.keys(), ...before.config.frontends.keys()]);
  // A frontend that only gets another name goes on.
  const idOf = ({ config }: Seen, name: string) => {
    const frontend = config.frontends.get(name);
    return frontend === undefined ? null : vipId(frontendVip(frontend));
  };
  const nameBefore = (name: string) =>
    before.config.frontends.has(name)
      ? name
      : [...before.config.frontends.keys()].find((old) =>
        !after.config.frontends.has(old) && idOf(before, old) === idOf(after, name)
      ) ?? name;
  const goneOn = new Set([...after.config.frontends.keys()].map(nameBefore));
  return [...names].flatMap((name) => {
    if (!after.config.frontends.has(name) && goneOn.has(name)) return [];
    const [was, is] = [vipOf(before, nameBefore(name)), vipOf(after, name)];
    const old = before.states.get(nameBefore(name));
    const now = after.states.get(name);
    const text = (vip: ActualVip | null) =>
      vip === null
        ? ""
        : `${vipId(vip)} ${vip.servers.map((s) => `${s.address}=${s.weight}`).sort().join(" ")}`;
    const flushedServers = new Set<string>(ops.flatMap((op) => {
      if (op.kind === "conf-set" || was === null || vipId(op.vip) !== vipId(was)) return [];
      if (op.kind === "vip-flush") return was.servers.map(({ address }) => address);
      return (op.kind === "as-weight" && op.flush) || op.kind === "as-delete" ? [op.address] : [];
    }));
    const from = old?.state ?? "unknown";
    const to = now?.state ?? "down";
    const poolBefore = old?.pool ?? null;
    const poolAfter = now?.pool ?? null;
    const anew = ops.some((op) => op.kind === "vip-add" && is !== null && vipId(op.vip) === vipId(is));
    const same = from === to && poolBefore === poolAfter && text(was) === text(is) && !anew;
    if (same && flushedServers.size === 0) return [];
    return [{
      frontend: name,
      from,
      to,
      pool_before: poolBefore,
      pool_after: poolAfter,
      servers_left: is?.servers.filter(({ weight }) => weight > 0).length ?? 0,
      moved_share: moved(was, is),
      flushed: flushedServers,
      had: new Set<string>(was?.servers.map(({ address }) => address)),
    }];
  });
}

/** Messages as texts, without order. */
export function messages(ops: readonly Op[]): string[] {
  return ops.map((op) => op.kind === "conf-set" ? op.kind : `${vipId(op.vip)}: ${words(op)}`).sort();
}

const numbers = { tcp: 6, udp: 17, any: 255 } as const;

/** The messages that make the changes which are not held. */
export function messagesOf(changes: readonly Change[]): string[] {
  return changes.filter(({ held }) => held === null).flatMap((change) => {
    const vip = `${change.prefix} ${numbers[change.protocol ?? "any"]} ${change.port}`;
    switch (change.kind) {
      case "conf_set":
        return ["conf-set"];
      case "vip_added":
        return [`${vip}: vip-add`];
      case "vip_removed":
        return [`${vip}: vip-flush`, `${vip}: vip-delete`];
      case "vip_recreated":
        return [`${vip}: vip-flush`, `${vip}: vip-delete`, `${vip}: vip-add`];
      case "as_added":
        return [`${vip}: add ${change.address} ${change.weight_after}`];
      case "as_removed":
        return [`${vip}: delete ${change.address}`];
      case "as_weight_updated":
        return [`${vip}: weight ${change.address} ${change.weight_after}${change.flush ? " flush" : ""}`];
    }
  }).sort();
}

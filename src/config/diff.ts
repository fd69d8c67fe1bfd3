/**
 * What a reload changes, for the operator: each object whose settings differ, which keys, and what that does.
 *
 * @module
 */
import type { ReloadChange } from "../api/mod.ts";
import type { Backend, Config, Frontend } from "../configuration.ts";
import { family } from "../net/ip.ts";
import {
  backendPart,
  fleetPart,
  frontendPart,
  healthcheckerPart,
  healthCheckPart,
  lbPart,
  type Part,
} from "./export.ts";

/** Keys that differ, in the file's form; keys of `params` one by one as `params.path`. */
function changedKeys(before: Part, after: Part, prefix = ""): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const old = before[key];
    const now = after[key];
    if (JSON.stringify(old) === JSON.stringify(now)) return [];
    if (key !== "params") return [prefix + key];
    return changedKeys((old ?? {}) as Part, (now ?? {}) as Part, "params.");
  });
}

interface Kind<T> {
  readonly object: ReloadChange["object"];
  readonly part: (value: T) => Part;
  readonly added: (value: T) => string;
  readonly removed: (value: T) => string;
  readonly changed: (before: T, after: T, fields: readonly string[]) => string;
  /** Old names by new names of what only changed its name. */
  readonly renamed?: ReadonlyMap<string, string>;
}

function compare<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  kind: Kind<T>,
): ReloadChange[] {
  const { object } = kind;
  const changes: ReloadChange[] = [];
  const renamed = kind.renamed ?? new Map<string, string>();
  for (const [name, now] of after) {
    const was = renamed.get(name);
    const old = before.get(was ?? name);
    if (old === undefined) {
      changes.push({ object, name, change: "added", fields: [], effect: kind.added(now) });
      continue;
    }
    const keys = changedKeys(kind.part(old), kind.part(now));
    const fields = was === undefined ? keys : ["name", ...keys];
    if (fields.length > 0) {
      changes.push({ object, name, change: "changed", fields, effect: kind.changed(old, now, fields) });
    }
  }
  const kept = new Set(renamed.values());
  for (const [name, old] of before) {
    if (after.has(name) || kept.has(name)) continue;
    changes.push({ object, name, change: "removed", fields: [], effect: kind.removed(old) });
  }
  return changes;
}

/** `1 backend`, `2 backends`. */
function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function join(sentences: readonly (string | false)[]): string {
  return sentences.filter((sentence) => sentence !== false).join("; ");
}

function healthcheckerEffect(config: Config, fields: readonly string[]): string {
  const probed = [...config.backends.values()].filter(({ healthcheck }) => healthcheck !== null).length;
  return join([
    fields.includes("transition-history") &&
    `${count(config.healthchecker.transitionHistory, "transition")} kept per backend`,
    fields.includes("netns") && `${count(probed, "backend")} probed anew there; states stay`,
  ]);
}

function users(config: Config, healthcheck: string): number {
  return [...config.backends.values()].filter((backend) => backend.healthcheck === healthcheck).length;
}

function backendAdded(backend: Backend): string {
  if (!backend.enabled) return "starts as disabled";
  return backend.healthcheck === null ? "up, as it has no health check" : "starts as unknown, probed at once";
}

function backendChanged(before: Backend, after: Backend): string {
  return join([
    before.name !== after.name && `was ${before.name}; state and history stay`,
    before.address !== after.address &&
    "a new server: unknown, probed at once; the previous one serves until the first verdict",
    before.healthcheck !== after.healthcheck && checkChanged(before.healthcheck, after.healthcheck),
    before.enabled && !after.enabled && "disabled, its flows are flushed",
    !before.enabled && after.enabled && "enabled: unknown, probed at once",
  ]);
}

function checkChanged(before: string | null, after: string | null): string {
  if (after === null) return "no longer probed: up";
  return before === null ? "probed from now on, stays up meanwhile" : "probed anew; its state stays";
}

function memberFamily(config: Config, frontend: Frontend): number | null {
  const [first] = frontend.pools.flatMap((pool) => pool.members);
  const address = first === undefined ? undefined : config.backends.get(first.backend)?.address;
  return address === undefined ? null : family(address);
}

function frontendChanged(
  before: Config,
  after: Config,
  fields: readonly string[],
  old: Frontend,
  now: Frontend,
): string {
  if (["address", "protocol", "port"].some((key) => fields.includes(key))) {
    return "a new VIP is added to VPP, the old one is deleted";
  }
  const recreate = [
    fields.includes("src-ip-sticky") && "src-ip-sticky",
    fields.includes("new-flows-table-length") && !now.newFlowsTableLengthAuto &&
    now.newFlowsTableLength !== old.newFlowsTableLength && "table length",
    memberFamily(before, old) !== memberFamily(after, now) && "encapsulation",
  ].filter((reason) => reason !== false);
  return join([
    recreate.length > 0 &&
    `the VIP must be deleted and added again in VPP (${recreate.join(", ")}): traffic-affecting`,
    fields.includes("pools") && "servers and weights follow in VPP",
    fields.includes("flush-on-down") && "holds from the next transition on",
    fields.includes("new-flows-table-length") && now.newFlowsTableLengthAuto &&
    "the live VIP keeps its table length",
    fields.every((key) => key === "description") && "no effect on traffic",
  ]) || "no effect on traffic";
}

/** What a change of a key of `vpp.lb` does. */
const LB_EFFECTS: readonly (readonly [effect: string, ...keys: string[]])[] = [
  ["every worker of VPP throws its flow table away: traffic-affecting", "sticky-buckets-per-core"],
  ["VPP's global settings are set anew", "ipv4-src-address", "ipv6-src-address", "flow-timeout"],
  ["holds from the next sync on", "sync-interval", "foreign-vips"],
  ["startup delays are read at start only", "startup-min-delay", "startup-max-delay"],
];

function lbEffect(fields: readonly string[]): string {
  return join(
    LB_EFFECTS.map(([effect, ...keys]) => keys.some((key) => fields.includes(key)) && effect),
  );
}

/** What a change of `fleet` does: the daemon joins a fleet when it starts, and stays in it. */
const AT_RESTART = "at restart";

function perhaps<T>(name: string, value: T | undefined): ReadonlyMap<string, T> {
  return new Map(value === undefined ? [] : [[name, value]]);
}

/** What only the running daemon knows of a reload. */
export interface ReloadFacts {
  /** Backends that only changed their name: old names by new names. */
  readonly renamed: ReadonlyMap<string, string>;
}

const noFacts: ReloadFacts = { renamed: new Map() };

/** Compares two configurations; nothing for what is the same. Sections in the order of the file. */
export function diffConfigs(before: Config, after: Config, facts: ReloadFacts = noFacts): ReloadChange[] {
  const single = (name: string, value: Part) => new Map([[name, value]]);
  const constant = (part: Part): Part => part;
  const never = () => "";
  return [
    ...compare(
      single("healthchecker", healthcheckerPart(before)),
      single("healthchecker", healthcheckerPart(after)),
      {
        object: "healthchecker",
        part: constant,
        added: never,
        removed: never,
        changed: (_old, _now, fields) => healthcheckerEffect(after, fields),
      },
    ),
    ...compare(before.healthchecks, after.healthchecks, {
      object: "healthcheck",
      part: healthCheckPart,
      added: ({ name }) => `used by ${count(users(after, name), "backend")}`,
      removed: ({ name }) => `was used by ${count(users(before, name), "backend")}`,
      changed: (_old, { name }) => `${count(users(after, name), "backend")} probed anew; states stay`,
    }),
    ...compare(before.backends, after.backends, {
      object: "backend",
      part: backendPart,
      added: backendAdded,
      removed: () => "no longer probed, deleted from VPP",
      changed: backendChanged,
      renamed: facts.renamed,
    }),
    ...compare(before.frontends, after.frontends, {
      object: "frontend",
      part: frontendPart,
      added: () => "its VIP is added to VPP",
      removed: () => "its VIP is deleted from VPP",
      changed: (old, now, fields) => frontendChanged(before, after, fields, old, now),
    }),
    ...compare(single("lb", lbPart(before.lb)), single("lb", lbPart(after.lb)), {
      object: "vpp",
      part: constant,
      added: never,
      removed: never,
      changed: (_old, _now, fields) => lbEffect(fields),
    }),
    ...compare(perhaps("fleet", before.fleet), perhaps("fleet", after.fleet), {
      object: "fleet",
      part: fleetPart,
      added: () => AT_RESTART,
      removed: () => AT_RESTART,
      changed: () => AT_RESTART,
    }),
  ];
}

/**
 * Rules about more than one key: families, references, uniqueness. Each rule is silent about what could not
 * be read.
 *
 * @module
 */
import type { Family, IpAddress } from "../model.ts";
import { family } from "../net/ip.ts";
import type { NamedFiles } from "./files.ts";
import { checkFleet } from "./fleet.ts";
import type { Findings, Place } from "./findings.ts";
import { formatDuration } from "../duration.ts";
import { didYouMean } from "./nearest.ts";
import { type RawParams, readParams } from "./params.ts";
import type { RawBackend, RawFrontend, RawHealthCheck, RawLb, RawMaglev, RawPool } from "./schema.ts";
import type { Element, Field, Named } from "./spec.ts";
import { childPath, quote } from "./tree.ts";
import { checkVips, type JudgedFrontend } from "./vips.ts";

/** Rules of `healthchecker`. */
function checkNetns(netns: Field<string> | undefined, out: Findings): void {
  const value = netns?.value;
  if (netns === undefined || value === undefined || value === "") return;
  // ip-netns(8) keeps each namespace as one file in that directory.
  const name = !value.includes("/") && value !== "." && value !== "..";
  if ((name || value.startsWith("/")) && !/\p{Cc}/u.test(value)) return;
  out.semantic(netns.place, `${quote(value)} is neither a name under /var/run/netns nor an absolute path`);
}

/** Rules of `vpp.lb`. */
function checkLb(lb: RawLb, out: Findings): void {
  const timeout = lb["flow-timeout"];
  if (timeout.value !== undefined && timeout.value % 1_000_000_000n !== 0n) {
    out.semantic(timeout.place, `must be whole seconds, not ${formatDuration(timeout.value)}`);
  }
  const least = lb["startup-min-delay"];
  const most = lb["startup-max-delay"];
  if (least.value === undefined || most.value === undefined || most.value >= least.value) return;
  const at = most.present ? most : least;
  out.semantic(
    at.place,
    `startup-max-delay ${formatDuration(most.value)} is shorter than startup-min-delay ${
      formatDuration(least.value)
    }`,
  );
}

/** Rules of one health check; answers its `params`: null without any, undefined if unusable. */
function checkHealthCheck(
  fields: RawHealthCheck,
  host: Host,
  out: Findings,
): RawParams | null | undefined {
  const type = fields.type.value;
  const { port, params } = fields;
  if (type === "icmp" && port.present) out.semantic(port.place, "not allowed for type icmp");
  if (type !== undefined && type !== "icmp" && !port.present && !out.damaged) {
    out.semantic(port.place, 'required key "port" is missing', `type ${type} needs one`);
  }
  const source = params.value ?? {
    node: { kind: "map", offset: params.place.offset, entries: [], problems: [] },
    place: { ...params.place, path: childPath(params.place.path, "params") },
  };
  const read = readParams(source, type, host.files, out);
  const tls = read?.kind === "http" ? read.tls !== null : read?.fields.ssl.value === true;
  const missing = tls ? host.tlsMissing() : null;
  if (missing !== null) {
    const hint = "install the package libssl3, or libssl3t64";
    out.semantic(fields.type.place, `TLS needs OpenSSL 3, which cannot be loaded: ${missing}`, hint);
  }
  return read;
}

/** Rules of one backend. */
function checkBackend(fields: RawBackend, healthchecks: Names, out: Findings): void {
  const { value: name, place } = fields.healthcheck;
  // An empty text means that the key was not given.
  if (name !== undefined && name !== "") checkReference("health check", name, place, healthchecks, out);
}

/** Names that may be referred to; null if they could not all be read, so that nothing is said. */
type Names = ReadonlySet<string> | null;

/** Names of a section for references; a section that the file does not have names nothing. */
function namesOf(section: Field<readonly Named<unknown>[]>, out: Findings): Names {
  if (out.damaged) return null;
  if (section.value === undefined) return section.present ? null : new Set();
  return new Set(section.value.map(({ name }) => name));
}

function checkReference(what: string, name: string, place: Place, known: Names, out: Findings): void {
  if (known === null || known.has(name)) return;
  const hint = known.size === 0
    ? `there are no ${what}s`
    : out.takeGuess()
    ? didYouMean(name, [...known])
    : null;
  out.semantic(place, `there is no ${what} ${quote(name)}`, hint);
}

/** Everything of backends that rules of frontends need. */
interface BackendTable {
  /** Of all backends. */
  readonly names: Names;
  /** Usable addresses by backend. */
  readonly addresses: ReadonlyMap<string, IpAddress>;
}

/** Rules of one frontend; answers the family of its backends, null if that is not known. */
function checkFrontend(fields: RawFrontend, backends: BackendTable, out: Findings): Family | null {
  const { protocol, port, pools } = fields;
  if (protocol.present && !port.present) out.semantic(protocol.place, "needs port too", "or leave out both");
  if (port.present && !protocol.present) out.semantic(port.place, "needs protocol too", "or leave out both");
  if (pools.value === undefined) return null;
  checkPoolNames(pools.value, out);
  return checkMembers(pools.value, backends, out);
}

function checkPoolNames(pools: readonly Element<RawPool>[], out: Findings): void {
  const seen = new Set<string>();
  for (const { value: pool } of pools) {
    const name = pool?.name.value;
    if (pool === undefined || name === undefined) continue;
    if (seen.has(name)) {
      out.semantic(pool.name.place, `another pool of the frontend is named ${quote(name)} too`);
    }
    seen.add(name);
  }
}

function checkMembers(
  pools: readonly Element<RawPool>[],
  backends: BackendTable,
  out: Findings,
): Family | null {
  const poolOf = new Map<string, string>();
  const ownerOf = new Map<IpAddress, string>();
  let first: { name: string; family: Family } | null = null;
  for (const { value: pool } of pools) {
    const poolName = pool?.name.value ?? "without a name";
    for (const { name, place } of pool?.backends.value ?? []) {
      checkReference("backend", name, place, backends.names, out);
      const other = poolOf.get(name);
      if (other !== undefined) {
        out.semantic(place, `backend ${quote(name)} stands in pool ${quote(other)} of the frontend already`);
        continue;
      }
      poolOf.set(name, poolName);
      const address = backends.addresses.get(name);
      if (address === undefined) continue;
      const owner = ownerOf.get(address);
      if (owner !== undefined) {
        out.semantic(place, `backend ${quote(name)} has the address ${address} of backend ${quote(owner)}`);
      }
      ownerOf.set(address, owner ?? name);
      first ??= { name, family: family(address) };
      if (family(address) !== first.family) {
        out.semantic(
          place,
          `backend ${quote(name)} is IPv${family(address)}, but ${quote(first.name)} is IPv${first.family}`,
          "all backends of a frontend have one address family",
        );
      }
    }
  }
  return first?.family ?? null;
}

/** What the rules made of a document. */
export interface Judged {
  /** As it was read. */
  readonly maglev: RawMaglev;
  /** `params` by health check: null without any, undefined if unusable. */
  readonly params: ReadonlyMap<string, RawParams | null | undefined>;
}

/** What a configuration is judged by beside its own text. */
export interface Host {
  /** The files that it names; null: rules about them are not applied. */
  readonly files: NamedFiles | null;
  /** The daemon's name as a flag gave it; null: none was given. */
  readonly nodeName: string | null;
  /** Why checks with TLS cannot be made here; null: they can. Asked only if there are any. */
  readonly tlsMissing: () => string | null;
}

/** Applies every rule. */
export function checkRules(maglev: RawMaglev, host: Host, out: Findings): Judged {
  checkNetns(maglev.healthchecker.value?.netns, out);
  const params = new Map<string, RawParams | null | undefined>();
  for (const { name, value } of maglev.healthchecks.value ?? []) {
    if (value !== undefined) params.set(name, checkHealthCheck(value, host, out));
  }
  const healthchecks = namesOf(maglev.healthchecks, out);
  const addresses = new Map<string, IpAddress>();
  for (const { name, value } of maglev.backends.value ?? []) {
    if (value === undefined) continue;
    checkBackend(value, healthchecks, out);
    if (value.address.value !== undefined) addresses.set(name, value.address.value);
  }
  const table: BackendTable = { names: namesOf(maglev.backends, out), addresses };
  const judged: JudgedFrontend[] = [];
  for (const { name, value } of maglev.frontends.value ?? []) {
    if (value !== undefined) judged.push({ name, fields: value, family: checkFrontend(value, table, out) });
  }
  checkVips(judged, out);
  const lb = maglev.vpp.value?.lb.value;
  if (lb !== undefined) checkLb(lb, out);
  const fleet = maglev.fleet.value;
  if (fleet !== undefined) checkFleet(fleet, host.files, host.nodeName, out);
  return { maglev, params };
}

/**
 * The table of all keys: kind, default, range and one sentence each. It drives reading, the messages, the JSON
 * Schema for editors and the defaults; `rules.ts` adds what concerns more than one key.
 *
 * @module
 */
import type { CheckType, ForeignVips } from "../configuration.ts";
import {
  address,
  addressOf,
  boolean,
  checkName,
  duration,
  integer,
  NAME_SCHEMA,
  plainText,
  powerOfTwo,
  text,
  word,
} from "./kinds.ts";
import { FLEET_SECTION } from "./fleet.ts";
import { paramsSchema } from "./params.ts";
import {
  deferred,
  type Fields,
  listOf,
  mapOf,
  nonEmpty,
  object,
  type ObjectSpec,
  optional,
  refine,
  required,
  withDefault,
} from "./spec.ts";

const SECOND = 1_000_000_000n;

const interval = duration("10ms", "1h");

/** Keys of `healthchecker`. */
export const HEALTHCHECKER = {
  "transition-history": withDefault(integer(1, 1000), 5, "5", "Transitions kept for each backend."),
  "netns": withDefault(
    text,
    "",
    "",
    "Network namespace of all probes: a name under /var/run/netns or an absolute path; empty: the daemon's own.",
  ),
};

/** Keys of one health check. */
export const HEALTHCHECK = {
  "type": required(word<CheckType>("icmp", "tcp", "http", "https"), "Kind of the probe."),
  "port": optional(
    integer(1, 65535),
    "Port to probe; required for tcp, http and https, not allowed for icmp.",
  ),
  "interval": withDefault(interval, 2n * SECOND, "2s", "Spacing of probes while the backend is healthy."),
  "fast-interval": optional(interval, "Spacing while the backend is unknown or degraded; default: interval."),
  "down-interval": optional(interval, "Spacing while the backend is fully down; default: interval."),
  "timeout": withDefault(
    interval,
    SECOND,
    "1s",
    "Time for one probe, all phases together; may exceed the interval.",
  ),
  "rise": withDefault(integer(1, 100), 2, "2", "Passes in a row that make a backend up."),
  "fall": withDefault(integer(1, 100), 3, "3", "Failures in a row that make a backend down."),
  "probe-ipv4-src": optional(addressOf(4), "Source address of probes to IPv4 backends."),
  "probe-ipv6-src": optional(addressOf(6), "Source address of probes to IPv6 backends."),
  "params": optional(deferred(paramsSchema()), "Settings of the probe; which ones depends on its type."),
};

/** Keys of one backend. */
export const BACKEND = {
  "address": required(address, "Address of the application server: an IP literal."),
  "healthcheck": optional(plainText, "Name of its health check; absent: no probes, always up."),
  "enabled": withDefault(boolean, true, "true", "false starts the backend as disabled."),
};

/** Keys of one member of a pool. */
export const MEMBER = {
  "weight": withDefault(
    integer(0, 100),
    100,
    "100",
    "Share of new flows in relation to the pool's other members.",
  ),
};

const poolName = refine(plainText, NAME_SCHEMA, (name, place, out) => {
  checkName(name, place, out);
  return name;
});

/** Keys of one pool. */
export const POOL = {
  "name": required(poolName, "Name of the pool, unique in its frontend."),
  "backends": required(
    nonEmpty(mapOf(object(MEMBER), {}, () => {}), "minProperties"),
    "Members of the pool: names of backends, each with its settings.",
  ),
};

/** Keys of one frontend. */
export const FRONTEND = {
  "description": withDefault(text, "", "", "Text for people."),
  "address": required(address, "The VIP: an IP literal, advertised as /32 or /128."),
  "protocol": optional(word("tcp", "udp"), "With port: a per-port VIP; without both: an all-port VIP."),
  "port": optional(integer(1, 65535), "Port of the VIP; with protocol or not at all."),
  "pools": required(nonEmpty(listOf(object(POOL)), "minItems"), "Pools in the order of their priority."),
  "src-ip-sticky": withDefault(boolean, false, "false", "Choose the server by the client's address only."),
  "flush-on-down": withDefault(boolean, true, "true", "Drop the flows of a backend that goes down."),
  "new-flows-table-length": withDefault(
    powerOfTwo(256, 65536, "auto"),
    null,
    "auto",
    "Entries of the table that spreads new flows; auto: computed from the number of members.",
  ),
};

/** Keys of `vpp.lb`. */
export const LB = {
  "sync-interval": withDefault(
    duration("1s", "1h"),
    30n * SECOND,
    "30s",
    "Period of the full comparison with VPP.",
  ),
  "ipv4-src-address": required(addressOf(4), "Outer source address of GRE4 packets."),
  "ipv6-src-address": required(addressOf(6), "Outer source address of GRE6 packets."),
  "sticky-buckets-per-core": withDefault(
    powerOfTwo(2 ** 4, 2 ** 24),
    65536,
    "65536",
    "Buckets of the flow table of each VPP worker.",
  ),
  "flow-timeout": withDefault(
    duration("1s", "120s"),
    40n * SECOND,
    "40s",
    "Idle time after which VPP forgets a flow; whole seconds.",
  ),
  "startup-min-delay": withDefault(
    duration("0s", "10m"),
    5n * SECOND,
    "5s",
    "Nothing is written to VPP before it; read at start only.",
  ),
  "startup-max-delay": withDefault(
    duration("0s", "10m"),
    30n * SECOND,
    "30s",
    "Every frontend is released after it; read at start only.",
  ),
  "foreign-vips": withDefault(
    word<ForeignVips>("delete", "keep"),
    "delete",
    "delete",
    "What happens to VIPs of VPP that the configuration never had.",
  ),
};

const names = (about: string) => ({ ...NAME_SCHEMA, description: about });

/** Keys below `maglev`. */
export const MAGLEV = {
  "healthchecker": optional(object(HEALTHCHECKER), "Settings of all health checks."),
  "healthchecks": optional(
    mapOf(object(HEALTHCHECK), names("Name of the health check."), checkName),
    "Health checks by name.",
  ),
  "backends": optional(mapOf(object(BACKEND), names("Name of the backend."), checkName), "Backends by name."),
  "frontends": required(
    mapOf(object(FRONTEND), names("Name of the frontend."), checkName),
    "Frontends by name; may be empty.",
  ),
  "vpp": required(
    object({ "lb": required(object(LB), "Settings of VPP's lb plugin.") }),
    "Settings of VPP.",
  ),
  "fleet": optional(FLEET_SECTION, "Store that several daemons share; absent: this daemon stands alone."),
};

/** Keys of the whole document. */
export const ROOT = { "maglev": required(object(MAGLEV), "Configuration of maglevd.") };

/** The whole document. */
export const DOCUMENT: ObjectSpec<typeof ROOT> = object(ROOT, {
  message: "unknown key",
  hint: (key) => Object.hasOwn(MAGLEV, key) ? `put it below "maglev"` : null,
});

/** What was read of a document. */
export type RawMaglev = Fields<typeof MAGLEV>;
/** What was read of one health check. */
export type RawHealthCheck = Fields<typeof HEALTHCHECK>;
/** What was read of one backend. */
export type RawBackend = Fields<typeof BACKEND>;
/** What was read of one frontend. */
export type RawFrontend = Fields<typeof FRONTEND>;
/** What was read of one pool. */
export type RawPool = Fields<typeof POOL>;
/** What was read of `vpp.lb`. */
export type RawLb = Fields<typeof LB>;

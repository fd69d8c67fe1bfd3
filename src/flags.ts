/**
 * The command line of maglevd, read by the table of its flags.
 *
 * @module
 */
import { flagText, helpRows, parseCommandLine } from "./command_line.ts";
import { environmentName, flagSpecs, goFlags, inPlaceOf } from "./flag_table.ts";
import type { Level } from "./log/mod.ts";
import { parseIp } from "./net/ip.ts";
import { parsePeerAddress, type PeerAddress } from "./net/peer_url.ts";
import { err, ok, type Result } from "./result.ts";

/** A sentence for the first argument that is a flag of the Go daemon; null if none is. */
function successorOf(args: readonly string[]): string | null {
  for (const arg of args) {
    const [, name] = /^--?([a-z-]+)(?:=|$)/.exec(arg) ?? [];
    const flag = goFlags.find((known) => known.name === name);
    if (flag === undefined) continue;
    return `--${flag.name} is a flag of the Go daemon; here it is ${inPlaceOf(flag, (own) => `--${own}`)}`;
  }
  return null;
}

/** Where a listener binds. */
export type ListenAddress =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/** The command line and environment, checked. */
export interface Options {
  /** Path of the configuration. */
  readonly config: string;
  /** Listeners of the API. */
  readonly listen: readonly ListenAddress[];
  /** The open listener for metrics; null: none. */
  readonly metricsAddr: ListenAddress | null;
  /** Null: VPP is switched off. */
  readonly vppApiAddr: string | null;
  /** Null: no counters. */
  readonly vppStatsAddr: string | null;
  /** Changes under way at VPP at once, 1...1024. */
  readonly vppInflight: number;
  /** Threads that probe, 1...64. */
  readonly probeThreads: number;
  /** Least level of the log. */
  readonly logLevel: Level;
  /** Form of the log. */
  readonly logFormat: "json" | "text";
  /** Path of the auth file; null: none. */
  readonly authFile: string | null;
  /** Path of the local token; null: the default places. */
  readonly localToken: string | null;
  /** Name of this daemon. */
  readonly nodeName: string;
  /** The same if a flag or the environment gave it; null: it is the host's. */
  readonly givenNodeName: string | null;
  /** Folder of what outlives the process; null: nothing does. */
  readonly stateDir: string | null;
  /** The journal on disk keeps what is younger, in days; 0: there is none. */
  readonly journalDays: number;
  /** Octets that the journal may have. */
  readonly journalOctets: number;
  /** Other daemons, in the order of the flags. */
  readonly peers: readonly PeerAddress[];
  /** Path of the tokens for them; null: they get none. */
  readonly peerTokenFile: string | null;
  /** Path of a PEM with more authorities for them; null: the system's alone. */
  readonly peerCaFile: string | null;
  /** Address of a dashboard in Grafana; null: no links. */
  readonly grafanaUrl: string | null;
  /** Certificate and key as PEM paths; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Check the configuration and exit. */
  readonly check: boolean;
  /** Print the JSON Schema and exit. */
  readonly printSchema: boolean;
  /** Print the version and exit. */
  readonly version: boolean;
  /** Print the help and exit. */
  readonly help: boolean;
}

/** Reads `a:p`, `[v6]:p`, `:p` (all addresses) or `unix:/path`; null if it is none of these. */
export function parseListenAddress(text: string): ListenAddress | null {
  if (text.startsWith("unix:")) {
    const path = text.slice(5);
    return path.startsWith("/") ? { transport: "unix", path } : null;
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  if (port > 65535) return null;
  const [, v6, host = ""] = match;
  if (v6 !== undefined) {
    return v6.includes(":") && parseIp(v6) !== null ? { transport: "tcp", hostname: v6, port } : null;
  }
  if (host === "") return { transport: "tcp", hostname: "::", port };
  if (host === "localhost") return { transport: "tcp", hostname: "127.0.0.1", port };
  return parseIp(host) === null ? null : { transport: "tcp", hostname: host, port };
}

const sizeUnits = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** Reads `512MiB`, a whole number and its unit, as octets; null if it is none. */
export function parseSize(text: string): number | null {
  const match = /^([0-9]{1,9})(KiB|MiB|GiB|TiB)$/.exec(text);
  if (match === null) return null;
  const [, number, unit] = match;
  const found = Object.entries(sizeUnits).find(([name]) => name === unit);
  return found === undefined ? null : Number(number) * found[1];
}

const levels: readonly Level[] = ["debug", "info", "warn", "error"];

/**
 * Reads the command line; a flag wins over its environment form.
 *
 * @param args arguments without the program's name
 * @param env looks up an environment variable
 * @param host name of the host, which is the name of the daemon unless a flag gives one
 * @returns the options, or every usage error as one sentence each
 */
export function parseFlags(
  args: readonly string[],
  env: (name: string) => string | undefined,
  host = "localhost",
): Result<Options, string[]> {
  const errors: string[] = [];
  const parsed = parseCommandLine(
    args,
    flagSpecs.map(({ name, kind }) => ({
      name,
      takesValue: kind !== "switch",
      ...(name === "help" ? { short: "h" } : {}),
    })),
  );
  if (!parsed.ok) return err([successorOf(args) ?? parsed.error]);
  const [word] = parsed.value.words;
  if (word !== undefined) return err([`"${word}" is no flag, and maglevd takes no words`]);
  const text = (name: string): readonly string[] => {
    const spec = flagSpecs.find((s) => s.name === name);
    const given = parsed.value.values.get(name);
    if (given !== undefined) return spec?.kind === "list" ? given : given.slice(-1);
    const fallback = env(environmentName(name)) ?? spec?.default ?? "";
    return spec?.kind === "list" ? fallback.split(",").map((item) => item.trim()) : [fallback];
  };
  const one = (name: string): string => text(name)[0] ?? "";
  const complain = (name: string, value: string, wanted: string) =>
    errors.push(`--${name} (or ${environmentName(name)}): "${value}" is not ${wanted}`);
  const listenForm = "a:p, [v6]:p or unix:/path";
  const flag = (name: string): boolean => {
    const value = one(name);
    if (["true", "1", "yes", "on"].includes(value)) return true;
    if (!["false", "0", "no", "off", ""].includes(value)) complain(name, value, "true or false");
    return false;
  };
  const listen: ListenAddress[] = [];
  for (const value of text("listen")) {
    const address = parseListenAddress(value);
    if (address === null) complain("listen", value, listenForm);
    else listen.push(address);
  }
  const metricsText = one("metrics-addr");
  const metricsAddr = metricsText === "" ? null : parseListenAddress(metricsText);
  if (metricsText !== "" && metricsAddr === null) complain("metrics-addr", metricsText, listenForm);
  const whole = (name: string, max: number): number => {
    const value = one(name);
    if (!/^[0-9]+$/.test(value) || Number(value) < 1 || Number(value) > max) {
      complain(name, value, `a whole number from 1 to ${max}`);
    }
    return Number(value);
  };
  const vppInflight = whole("vpp-inflight", 1024);
  const probeThreads = whole("probe-threads", 64);
  const daysText = one("journal-days");
  const journalDays = Number(daysText);
  if (!/^[0-9]{1,5}$/.test(daysText) || journalDays > 36_500) {
    complain("journal-days", daysText, "a whole number from 0 to 36500");
  }
  const sizeText = one("journal-size");
  const journalOctets = parseSize(sizeText) ?? 0;
  if (journalOctets < 16 * sizeUnits.MiB || journalOctets > sizeUnits.TiB) {
    complain("journal-size", sizeText, "a size from 16MiB to 1TiB, such as 512MiB or 2GiB");
  }
  const logLevel = levels.find((level) => level === one("log-level").toLowerCase());
  if (logLevel === undefined) complain("log-level", one("log-level"), levels.join(", "));
  const logFormat = one("log-format");
  if (logFormat !== "json" && logFormat !== "text") complain("log-format", logFormat, "json or text");
  const cert = one("tls-cert");
  const key = one("tls-key");
  if (cert === "" && key !== "") errors.push("--tls-key needs --tls-cert");
  const config = one("config");
  if (config === "") complain("config", config, "a file");
  const nodeName = one("node-name");
  if (nodeName !== "" && !/^(?=.*[A-Za-z0-9])[A-Za-z0-9._-]{1,64}$/.test(nodeName)) {
    complain("node-name", nodeName, "a name: letters, digits, dot, underscore and hyphen, at most 64");
  }
  const peers: PeerAddress[] = [];
  for (const value of text("peer")) {
    if (value === "") continue;
    const peer = parsePeerAddress(value);
    if (!peer.ok) {
      errors.push(`--peer (or MAGLEV_PEER): "${value.replace(/\/\/[^/@]*@/, "//***@")}" needs ${peer.error}`);
    } else if (peers.some(({ name }) => name === peer.value.name)) {
      errors.push(`--peer: there are two peers named "${peer.value.name}"`);
    } else peers.push(peer.value);
  }
  for (const name of ["peer-token-file", "peer-ca-file"]) {
    if (one(name) !== "" && peers.length === 0) errors.push(`--${name} needs --peer`);
  }
  const grafanaUrl = one("grafana-url");
  if (grafanaUrl !== "" && !/^https?:$/.test(URL.parse(grafanaUrl)?.protocol ?? "")) {
    complain("grafana-url", grafanaUrl, "an http:// or https:// address");
  }
  const options: Options = {
    config,
    listen,
    metricsAddr,
    vppApiAddr: one("vpp-api-addr") || null,
    vppStatsAddr: one("vpp-stats-addr") || null,
    vppInflight,
    probeThreads,
    logLevel: logLevel ?? "info",
    logFormat: logFormat === "text" ? "text" : "json",
    authFile: one("auth-file") || null,
    localToken: one("local-token") || null,
    nodeName: nodeName || host,
    givenNodeName: nodeName || null,
    stateDir: one("state-dir") || null,
    journalDays,
    journalOctets,
    peers,
    peerTokenFile: one("peer-token-file") || null,
    peerCaFile: one("peer-ca-file") || null,
    grafanaUrl: grafanaUrl || null,
    // One file may hold both.
    tls: cert === "" ? null : { cert, key: key === "" ? cert : key },
    check: flag("check"),
    printSchema: flag("print-schema"),
    version: flag("version"),
    help: flag("help"),
  };
  return errors.length > 0 ? err(errors) : ok(options);
}

/** Width of the help, and where its second column begins. */
const helpWidth = 100;
const helpColumn = 28;

/** The text of `--help`. */
export function helpText(): string {
  const rows = helpRows(
    flagSpecs.map((spec) => {
      const fallback = spec.kind === "switch" || spec.default === "" ? "" : ` (default ${spec.default})`;
      return [flagText(spec), spec.help + fallback];
    }),
    helpWidth,
    helpColumn,
  );
  return [
    "maglevd - health checker and control plane for VPP's Maglev load balancer",
    "",
    "Usage: maglevd [flags]",
    "",
    "Every flag has an environment form, MAGLEV_CONFIG for --config and so on (MAGLEV_LISTEN: separated",
    "by commas); the flag wins.",
    "",
    ...rows,
    "",
    "Signals: SIGHUP reloads the configuration; SIGTERM and SIGINT stop and leave VPP as it is.",
    "Exit codes: 0 done, 1 configuration cannot be read or a part failed to start, 2 configuration or",
    "flags wrong.",
    "",
  ].join("\n");
}

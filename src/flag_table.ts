/**
 * Every flag of maglevd as data: this table drives parsing, the environment, `--help` and the man page.
 *
 * @module
 */

/** One flag; its environment form is `MAGLEV_` and the name in upper case with underscores. */
export interface FlagSpec {
  /** As typed after the two dashes. */
  readonly name: string;
  /** What it takes. */
  readonly kind: "text" | "list" | "integer" | "switch";
  /** Default as text; a list's items are separated by commas. */
  readonly default: string;
  /** Name of the value in the help, "" for a switch. */
  readonly value: string;
  /** One line for `--help` and the man page. */
  readonly help: string;
}

/** Every flag of maglevd, in the order of the help. */
export const flagSpecs: readonly FlagSpec[] = [
  {
    name: "config",
    kind: "text",
    default: "/etc/vpp-maglev/maglev.yaml",
    value: "file",
    help: "configuration to run",
  },
  {
    name: "listen",
    kind: "list",
    default: "127.0.0.1:9090",
    value: "address",
    help: "where the API listens: a:p, [v6]:p or unix:/path; may be given several times",
  },
  {
    name: "metrics-addr",
    kind: "text",
    default: "",
    value: "address",
    help: "a second, open listener with /metrics, /healthz and /readyz only; empty: none",
  },
  {
    name: "vpp-api-addr",
    kind: "text",
    default: "/run/vpp/api.sock",
    value: "path",
    help: "VPP's API socket; empty: run without VPP",
  },
  {
    name: "vpp-stats-addr",
    kind: "text",
    default: "/run/vpp/stats.sock",
    value: "path",
    help: "VPP's stats socket; empty: no counters",
  },
  {
    name: "vpp-inflight",
    kind: "integer",
    default: "32",
    value: "n",
    help: "changes under way at VPP at once, 1 to 1024",
  },
  {
    name: "probe-threads",
    kind: "integer",
    default: "1",
    value: "n",
    help: "threads that probe, 1 to 64; more than one helps from some 10,000 checks a second on",
  },
  { name: "log-level", kind: "text", default: "info", value: "level", help: "debug, info, warn or error" },
  { name: "log-format", kind: "text", default: "json", value: "format", help: "json or text" },
  {
    name: "auth-file",
    kind: "text",
    default: "",
    value: "file",
    help: "names, token hashes and roles; with it every request needs a token",
  },
  {
    name: "local-token",
    kind: "text",
    default: "",
    value: "file",
    help:
      "where the token for this host is written; empty: /run/vpp-maglev/token or $XDG_RUNTIME_DIR/vpp-maglev/token",
  },
  {
    name: "node-name",
    kind: "text",
    default: "",
    value: "name",
    help: "name of this daemon; empty: the host's name",
  },
  {
    name: "state-dir",
    kind: "text",
    default: "",
    value: "folder",
    help: "where is kept what must outlive the process; empty: nothing does",
  },
  {
    name: "journal-days",
    kind: "integer",
    default: "30",
    value: "days",
    help: "the journal in --state-dir keeps what is younger, 0 to 36500; 0: no journal on disk",
  },
  {
    name: "journal-size",
    kind: "text",
    default: "512MiB",
    value: "size",
    help: "the journal grows to this at most, 16MiB to 1TiB; the oldest goes first",
  },
  {
    name: "tls-cert",
    kind: "text",
    default: "",
    value: "file",
    help: "serve HTTPS with this PEM certificate",
  },
  {
    name: "peer",
    kind: "list",
    default: "",
    value: "name=url",
    help: "another daemon that the dashboard shows too; may be given several times",
  },
  {
    name: "peer-token-file",
    kind: "text",
    default: "",
    value: "file",
    help: "the token that each peer gets (YAML: name, token)",
  },
  {
    name: "peer-ca-file",
    kind: "text",
    default: "",
    value: "file",
    help: "PEM of authorities that peers' certificates may come from, besides the system's",
  },
  {
    name: "grafana-url",
    kind: "text",
    default: "",
    value: "url",
    help: "Grafana dashboard that the dashboard's objects link to",
  },
  {
    name: "tls-key",
    kind: "text",
    default: "",
    value: "file",
    help: "the certificate's PEM key; empty: in the same file",
  },
  {
    name: "check",
    kind: "switch",
    default: "false",
    value: "",
    help: "check the configuration and exit: 0 good, 1 cannot be read, 2 wrong",
  },
  {
    name: "print-schema",
    kind: "switch",
    default: "false",
    value: "",
    help: "print the JSON Schema of the configuration and exit",
  },
  { name: "version", kind: "switch", default: "false", value: "", help: "print the version and exit" },
  { name: "help", kind: "switch", default: "false", value: "", help: "print this text and exit" },
];

/** A flag of the Go daemon of the same name that this one does not have. */
export interface GoFlag {
  /** As typed after the dashes. */
  readonly name: string;
  /** Name of the flag that takes its place; null: none does. */
  readonly successor: string | null;
  /** What there is in its place. */
  readonly about: string;
}

/** Flags that an operator of the Go daemon may still have in a unit or a script. */
export const goFlags: readonly GoFlag[] = [
  { name: "grpc-addr", successor: "listen", about: "where the REST API listens" },
  { name: "reflection", successor: null, about: "/openapi.json, where the API describes itself" },
];

/** What there is in place of a flag of the Go daemon, which `write` makes of a flag's name. */
export function inPlaceOf({ about, successor }: GoFlag, write: (name: string) => string): string {
  return successor === null ? about : `${write(successor)}, ${about}`;
}

/** Environment form of a flag. */
export function environmentName(flag: string): string {
  return `MAGLEV_${flag.toUpperCase().replaceAll("-", "_")}`;
}

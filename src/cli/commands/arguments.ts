import { journalKinds } from "../../api/memory.ts";
import { parseDuration } from "../../duration.ts";
import { parseIp } from "../../net/ip.ts";
import { clean } from "../clean.ts";
import type { Argument } from "../grammar.ts";
import { backendColumns, columnOf, globPattern } from "../select.ts";
import { refusesMoment, refusesSince, refusesSpan } from "../when.ts";

/** Names of the configuration: letters, digits, `._-`, and at least one letter or digit. */
function refusesName(text: string): string | null {
  return /^[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text)
    ? null
    : "is a name: letters, digits, dot, underscore and hyphen";
}

/** A check for whole numbers. */
function refusesNumber(least: number, most: number): (text: string) => string | null {
  return (text) =>
    /^[0-9]{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most
      ? null
      : `is a whole number from ${least} to ${most}`;
}

const shortestInterval = 1_000_000n;
const longestInterval = 3_600_000_000_000n;

function refusesInterval(text: string): string | null {
  const ns = parseDuration(text);
  if (!ns.ok) return `is a duration such as 100ms or 1.5s (${ns.error})`;
  return ns.value < shortestInterval || ns.value > longestInterval ? "is a duration from 1ms to 1h" : null;
}

/** Every kind of argument, by its name. */
export const commandArguments: Readonly<Record<string, Argument>> = {
  frontend: { help: "name of a frontend", refuses: refusesName, source: "frontend" },
  backend: { help: "name of a backend", refuses: refusesName, source: "backend" },
  pool: { help: "name of a pool of the frontend", refuses: refusesName, source: "pool" },
  healthcheck: { help: "name of a health check", refuses: refusesName, source: "healthcheck" },
  glob: {
    help: "pattern of names: * any characters, [a-c] one of these; a ? must be quoted",
    refuses(text) {
      if (!/^[A-Za-z0-9._*?[\]!^-]+$/.test(text)) return "is a pattern of names, such as web*";
      try {
        globPattern(text);
        return null;
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        return "is a pattern of names, such as web*";
      }
    },
  },
  column: {
    help: `column to sort by: ${backendColumns.join(", ")}`,
    refuses: (text) => columnOf(text) === null ? `is one of ${backendColumns.join(", ")}` : null,
    choices: backendColumns,
  },
  weight: { help: "weight, 0 to 100; 0 takes no new flows", refuses: refusesNumber(0, 100) },
  digest: {
    help: "digest of the plan, as `show vpp lb plan` prints it",
    refuses: (text) => /^[A-Za-z0-9:_-]+$/.test(text) ? null : "is what `show vpp lb plan` prints",
  },
  span: { help: "how long it lasts, e.g. 30m, 2h or 3d", refuses: refusesSpan },
  time: {
    help: 'a time of this machine, e.g. 18:00 or "2026-12-01 08:00", or RFC 3339',
    refuses: refusesMoment,
  },
  since: { help: "how long ago, e.g. 2h or 3d, or a time", refuses: refusesSince },
  text: {
    help: "a text of at most 500 characters; quote it if it holds a word such as for or until",
    several: true,
    refuses: (text) =>
      text.trim() === "" || [...text].length > 500 || clean(text) !== text
        ? "is a text of at most 500 characters without control characters"
        : null,
  },
  id: {
    help: "id of an override, as `show overrides` prints it",
    refuses: (text) =>
      /^[A-Za-z0-9._:-]{1,128}$/.test(text) ? null : "is an id, as `show overrides` prints it",
    source: "override",
  },
  name: { help: "name of a backend or a frontend", refuses: refusesName, source: "object" },
  kind: {
    help: `kind of what happened: ${journalKinds.join(", ")}; several with commas`,
    refuses: (text) =>
      text.split(",").every((kind) => journalKinds.some((known) => known === kind))
        ? null
        : `is one of ${journalKinds.join(", ")}`,
    choices: journalKinds,
  },
  rise: { help: "passes in a row, 1 to 100", refuses: refusesNumber(1, 100) },
  fall: { help: "failures in a row, 1 to 100", refuses: refusesNumber(1, 100) },
  seq: {
    help: "seq of an entry, as the log has it",
    refuses: (text) =>
      /^[0-9]{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? null : "is a whole number",
  },
  chain: {
    help: "its chain, as the log has it",
    refuses: (text) => /^[0-9a-f]{64}$/.test(text) ? null : "is 64 hexadecimal digits",
  },
  n: { help: "how many", refuses: refusesNumber(0, 1_000_000_000) },
  file: {
    help: "a file on this machine",
    refuses: (text) => text === "" ? "is a file" : null,
    source: "file",
  },
  client: {
    help: "IP address of a client",
    refuses: (text) => parseIp(text) === null ? "is an IPv4 or IPv6 address" : null,
  },
  port: { help: "the client's port, 1 to 65535", refuses: refusesNumber(1, 65535) },
  duration: { help: "time from one probe to the next, 1ms to 1h", refuses: refusesInterval },
  path: {
    help: "path to ask for, e.g. /healthz; quote one that holds a ?",
    refuses: (text) => /^\/[\x21-\x7e]*$/.test(text) ? null : "begins with a slash and holds no blanks",
  },
  host: {
    help: "value of the Host header, and the name to check with tls",
    refuses: (text) => /^[A-Za-z0-9.:_[\]-]+$/.test(text) ? null : "is a host name, with a port if need be",
  },
  command: { help: "the first words of commands, e.g. show backend", refuses: () => null },
  header: {
    help: "name of the response header that is counted",
    refuses: (text) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text) ? null : "is the name of a header",
  },
};

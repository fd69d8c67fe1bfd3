/**
 * Environment variables that look like the daemon's own and are none. A misspelt name would otherwise leave a daemon
 * without what it names, an auth file for instance, and without a word. Pure.
 *
 * @module
 */
import { nearest } from "./config/nearest.ts";
import { environmentName, flagSpecs, goFlags, inPlaceOf } from "./flag_table.ts";

/** Of the client, of packages, and of the tests. */
const others: readonly string[] = [
  "MAGLEV_SERVER",
  "MAGLEV_TOKEN",
  "MAGLEV_TOKEN_FILE",
  "MAGLEV_CA_FILE",
  "MAGLEV_COMMIT",
  "MAGLEV_BUILD_DATE",
];

/** Variables of the Go daemon of the same name, and what takes their place. */
const successors: ReadonlyMap<string, string> = new Map([
  ...goFlags.map((flag) => [environmentName(flag.name), inPlaceOf(flag, environmentName)] as const),
  ["MAGLEV_FRONTEND_USER", "MAGLEV_AUTH_FILE, which has names, token hashes and roles"],
  ["MAGLEV_FRONTEND_PASSWORD", "MAGLEV_AUTH_FILE, which has names, token hashes and roles"],
]);

/** Names of the Go daemon's variables that have a successor. */
export const goVariables: readonly string[] = [...successors.keys()];

/** A variable that has no effect. */
export interface UnknownVariable {
  /** Its name. */
  readonly variable: string;
  /** What is wrong, and what was probably meant: one sentence. */
  readonly detail: string;
}

/** The variables among `names` that begin with MAGLEV_ and that nobody reads, in alphabetical order. */
export function unknownVariables(names: Iterable<string>): UnknownVariable[] {
  const known = [...flagSpecs.map(({ name }) => environmentName(name)), ...others];
  return [...names]
    .filter((name) => name.startsWith("MAGLEV_") && !name.startsWith("MAGLEV_TEST_") && !known.includes(name))
    .sort()
    .map((variable) => ({ variable, detail: detailOf(variable, known) }));
}

function detailOf(variable: string, known: readonly string[]): string {
  const successor = successors.get(variable);
  if (successor !== undefined) return `is a variable of the Go daemon; here it is ${successor}`;
  // What all names share would make any two of them alike.
  const bare = (name: string) => name.slice("MAGLEV_".length);
  const near = nearest(bare(variable), known.map(bare));
  return near === null ? "is not known" : `is not known; did you mean MAGLEV_${near}?`;
}

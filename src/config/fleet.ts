/**
 * `fleet`: the store that several daemons share.
 *
 * @module
 */
import { parseIp } from "../net/ip.ts";
import { isLoopbackAddress } from "../net/loopback.ts";
import { refusedAddress } from "./addresses.ts";
import type { NamedFiles } from "./files.ts";
import type { Findings } from "./findings.ts";
import { boolean, checkName, NAME_SCHEMA, plainText, text } from "./kinds.ts";
import { checkTls, given, TLS_FILES } from "./params.ts";
import {
  type Element,
  type Fields,
  listOf,
  nonEmpty,
  object,
  optional,
  refine,
  required,
  type Spec,
  withDefault,
} from "./spec.ts";

const name = refine(plainText, NAME_SCHEMA, (value, place, out) => {
  checkName(value, place, out);
  return value;
});

/** A URL of one member of the store. */
const endpoint: Spec<URL> = refine(text, { pattern: "^https?://" }, (value, place, out) => {
  // The parser of URLs drops blanks and line breaks wherever they are.
  const url = /^https?:\/\/\S+$/.test(value) ? URL.parse(value) : null;
  if (url === null) {
    out.semantic(place, "is no URL of the store", 'like "https://192.0.2.10:2379"');
    return undefined;
  }
  // What stands before the "@" may be a password, so the value is not shown.
  if (url.username !== "" || url.password !== "") {
    out.semantic(place, "must not hold a user", 'use the keys "username" and "password-file"');
    return undefined;
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.port === "0") {
    out.semantic(place, "must be scheme, host and port only", `like "${url.protocol}//192.0.2.10:2379"`);
    return undefined;
  }
  const address = parseIp(hostOf(url));
  const refused = address === null ? null : refusedAddress(address);
  if (refused === null) return url;
  out.semantic(place, `cannot be ${refused.kind}: ${address}`, refused.hint);
  return undefined;
});

/** Host of a URL, IPv6 without its brackets. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Keys of `fleet`. */
export const FLEET = {
  "name": required(name, "Name of the fleet: daemons of one name share what operators want."),
  "endpoints": required(nonEmpty(listOf(endpoint), "minItems"), "URLs of the members of the etcd store."),
  ...TLS_FILES,
  "username": optional(text, "User of the store; with password-file."),
  "password-file": optional(text, "File that holds the user's password, one line; with username."),
  "node": optional(name, "Name of this daemon in the fleet; default: --node-name."),
  "insecure": withDefault(boolean, false, "false", "Allow http:// to hosts that are not this one."),
};

/** What was read of `fleet`. */
export type RawFleet = Fields<typeof FLEET>;

/** `fleet`; a file without it has none, so its required keys are not missed there. */
export const FLEET_SECTION: Spec<RawFleet> = refine(object(FLEET), {}, (fields) => fields);

/**
 * Rules of `fleet`.
 *
 * @param files null: file rules are not applied
 * @param node the daemon's name as a flag gave it; null: none was given
 */
export function checkFleet(
  fields: RawFleet,
  files: NamedFiles | null,
  node: string | null,
  out: Findings,
): void {
  checkEndpoints(fields.endpoints.value ?? [], fields.insecure.value !== false, out);
  checkTls(fields, files, out);
  const { username, "password-file": password } = fields;
  if (given(username) && !password.present) out.semantic(username.place, "needs password-file too");
  if (given(password) && !username.present) out.semantic(password.place, "needs username too");
  if (given(password)) files?.check({ kind: "secret", paths: [password.value] }, [password.place], out);
  if (given(fields.node) && node !== null && fields.node.value !== node) {
    out.semantic(
      fields.node.place,
      `is not the name that --node-name gives: "${node}"`,
      "leave out one of them",
    );
  }
}

function checkEndpoints(list: readonly Element<URL>[], insecure: boolean, out: Findings): void {
  const seen = new Set<string>();
  for (const { value: url, place } of list) {
    if (url === undefined) continue;
    if (seen.has(url.origin)) out.semantic(place, `${url.origin} is in the list already`);
    seen.add(url.origin);
    const host = hostOf(url);
    if (url.protocol === "https:" || host === "localhost" || isLoopbackAddress(host) || insecure) continue;
    const hint = 'write https://, or "insecure: true" if the way to it is safe';
    out.semantic(place, "http:// sends everything in the clear to another host", hint);
  }
}

/**
 * The auth file: who may use the API.
 *
 *     tokens:
 *       - name: grafana          # stands in logs and histories
 *         sha256: 9f86d081...      # of the token: printf %s "$TOKEN" | sha256sum
 *         role: viewer           # viewer, operator or admin
 *
 * @module
 */
import type * as api from "../src/api/mod.ts";
import { Findings } from "../src/config/findings.ts";
import { checkName, NAME_SCHEMA, word } from "../src/config/kinds.ts";
import { listOf, nonEmpty, object, refine, required, scalar } from "../src/config/spec.ts";
import { parseYaml } from "../src/config/yaml.ts";
import { err, ok, type Result } from "../src/result.ts";
import type { Role } from "./access.ts";
import type { Client } from "./auth.ts";

/** SHA-256 of nothing: what a script writes whose variable was empty. */
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const name = refine(
  scalar<string>("a name", NAME_SCHEMA, (node) => node.text),
  {},
  (value, place, out) => {
    checkName(value, place, out);
    if (value === "local") out.semantic(place, `"local" is what changes without a token are logged as`);
    return value;
  },
);

const sha256 = scalar<string>(
  "a SHA-256 hash",
  { type: "string", pattern: "^[0-9a-fA-F]{64}$" },
  (node, place, out) => {
    const text = node.text.toLowerCase();
    if (!/^[0-9a-f]{64}$/.test(text)) {
      // What stands here may be the token itself, so it is not shown.
      out.semantic(place, "is no SHA-256 hash: 64 hexadecimal digits", 'printf %s "$TOKEN" | sha256sum');
      return undefined;
    }
    if (text === emptyHash) out.semantic(place, "is the hash of an empty token");
    return text;
  },
);

const client = object({
  name: required(name, "Stands in logs and histories."),
  sha256: required(sha256, "SHA-256 of the token, in hexadecimal."),
  role: required(word<Role>("viewer", "operator", "admin"), "What the token may do."),
});

const document = object({
  tokens: required(nonEmpty(listOf(client), "minItems"), "Everybody who may use the API."),
});

/** Reads the text of an auth file; every error comes with its place. */
export function parseAuthFile(text: string, file: string): Result<Client[], api.Finding[]> {
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  const tree = parseYaml(source);
  const out = new Findings(tree.damaged);
  for (const { offset, path, message, hint } of tree.errors) out.syntax({ offset, path }, message, hint);
  const root = tree.root ?? { kind: "map", offset: 0, entries: [], problems: [] };
  const rows = document.read(root, { offset: 0, path: "" }, out)?.tokens.value ?? [];
  const clients: Client[] = [];
  const names = new Set<string>();
  const hashes = new Map<string, string>();
  for (const { value: row } of rows) {
    if (row === undefined) continue;
    const { name, sha256, role } = row;
    if (name.value !== undefined) {
      if (names.has(name.value)) out.semantic(name.place, `there are two tokens named "${name.value}"`);
      names.add(name.value);
    }
    if (sha256.value !== undefined) {
      const owner = hashes.get(sha256.value);
      if (owner !== undefined) out.semantic(sha256.place, `is the token of "${owner}" too`);
      hashes.set(sha256.value, name.value ?? "");
    }
    if (name.value === undefined || sha256.value === undefined || role.value === undefined) continue;
    clients.push({ name: name.value, sha256: sha256.value, role: role.value });
  }
  const findings = out.list(file, source);
  return findings.length > 0 ? err(findings) : ok(clients);
}

/**
 * Why the rights of an auth file are too wide; null: they are not.
 *
 * @param mode as `stat` tells it; null where the system does not
 */
export function whyTooOpen(mode: number | null): string | null {
  const bits = (mode ?? 0) & 0o777;
  if ((bits & 0o022) === 0) return null;
  const who = (bits & 0o002) === 0 ? "its group" : "everybody";
  return `can be written by ${who} (mode ${bits.toString(8).padStart(4, "0")})`;
}

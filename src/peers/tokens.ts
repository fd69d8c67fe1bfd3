/**
 * The file of `--peer-token-file`: the token that this daemon sends to each peer.
 *
 *     tokens:
 *       - name: lb2          # as in --peer lb2=https://...
 *         token: 2e4f...
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { Findings } from "../config/findings.ts";
import { NAME_SCHEMA } from "../config/kinds.ts";
import { listOf, object, required, scalar } from "../config/spec.ts";
import { parseYaml } from "../config/yaml.ts";
import { isReadableOnTheWay, type PeerAddress } from "../net/peer_url.ts";
import { err, ok, type Result } from "../result.ts";

/** Tokens by the peer's name. */
export type PeerTokens = ReadonlyMap<string, string>;

const row = object({
  name: required(scalar<string>("a name", NAME_SCHEMA, (node) => node.text), "Name of the peer."),
  token: required(
    scalar<string>("a token", { type: "string" }, (node, place, out) => {
      // What stands here is secret, so it is not shown.
      if (/^[A-Za-z0-9._~+/-]+=*$/.test(node.text)) return node.text;
      out.semantic(place, "is no token: letters, digits and . _ ~ + / - only");
      return undefined;
    }),
    "What is sent to it.",
  ),
});

const document = object({ tokens: required(listOf(row), "One row a peer.") });

/** Reads the text of the file; every error comes with its place. */
export function parsePeerTokens(
  text: string,
  file: string,
  peers: readonly PeerAddress[],
): Result<PeerTokens, api.Finding[]> {
  const tree = parseYaml(text);
  const out = new Findings(tree.damaged);
  for (const { offset, path, message, hint } of tree.errors) out.syntax({ offset, path }, message, hint);
  const root = tree.root ?? { kind: "map", offset: 0, entries: [], problems: [] };
  const tokens = new Map<string, string>();
  for (const { value } of document.read(root, { offset: 0, path: "" }, out)?.tokens.value ?? []) {
    if (value?.name.value === undefined) continue;
    const { name, token } = value;
    const peer = peers.find((one) => one.name === name.value);
    if (peer === undefined) out.semantic(name.place, `no --peer has the name "${name.value}"`);
    else if (tokens.has(peer.name)) out.semantic(name.place, `there are two tokens for "${peer.name}"`);
    else if (isReadableOnTheWay(peer.url)) {
      out.semantic(
        name.place,
        `no token is sent over plain http to another host: --peer ${peer.name} needs https://`,
      );
    } else if (token.value !== undefined) tokens.set(peer.name, token.value);
  }
  const findings = out.list(file, text);
  return findings.length > 0 ? err(findings) : ok(tokens);
}

/**
 * Entry of the matcher's thread: one body and one pattern at a time.
 *
 * @module
 */
import { compileBody } from "./body.ts";
import type { MatchAnswer, MatchRequest } from "./matcher.ts";

/** The worker's side of the message channel; `lib.deno.window` does not describe it. */
interface Scope {
  postMessage(message: MatchAnswer): void;
  onmessage: ((event: MessageEvent<MatchRequest>) => void) | null;
}
const scope = globalThis as unknown as Scope;

scope.onmessage = ({ data: { expression, body } }) => scope.postMessage(compileBody(expression).test(body));
scope.postMessage("ready");

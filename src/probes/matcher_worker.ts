/**
 * Entry of the matcher's thread: one body and one pattern at a time.
 *
 * @module
 */
import { compileBody } from "./body.ts";
import type { MatchAnswer, MatchQuestion } from "./matcher.ts";

/** The worker's side of the message channel; `lib.deno.window` does not describe it. */
interface Scope {
  postMessage(message: MatchAnswer): void;
  onmessage: ((event: MessageEvent<MatchQuestion>) => void) | null;
}
const scope = globalThis as unknown as Scope;

scope.onmessage = ({ data }) =>
  scope.postMessage(data === "call" ? "ready" : compileBody(data.expression).test(data.body));

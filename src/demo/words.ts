/**
 * Words that the demo takes from its standard input, one command a line. Pure.
 *
 * @module
 */
import { parseDuration, toMillis } from "../duration.ts";
import { err, ok, type Result } from "../result.ts";

/** What somebody asked the demo to do. */
export type DemoCommand =
  | { readonly kind: "kill"; readonly backend: string }
  | { readonly kind: "start"; readonly backend: string }
  /** Answers come this many milliseconds later, 0…60,000. */
  | { readonly kind: "slow"; readonly backend: string; readonly delayMs: number }
  | { readonly kind: "drift" }
  | { readonly kind: "vpp-restart" }
  | { readonly kind: "help" };

/** Greatest delay of a backend, in milliseconds. */
const delayLimitMs = 60_000;

/** The words with one line of explanation each. */
export const wordsHelp: readonly (readonly [words: string, what: string])[] = [
  ["kill b1", "end a web server, as a crash would"],
  ["start b1", "start it again"],
  ["slow b2 700ms", "let it answer late; slow b2 0s ends that"],
  ["drift", "change a weight in VPP behind maglevd's back"],
  ["vpp restart", "end VPP and start it empty"],
];

/**
 * Reads one line.
 *
 * @param backends names of the web servers
 * @returns null for an empty line; an error says what is wrong in one sentence
 */
export function parseWords(line: string, backends: readonly string[]): Result<DemoCommand | null, string> {
  const words = line.trim().split(/\s+/);
  const [verb = "", name, delay] = words;
  const count = (wanted: number) => words.length === wanted;
  switch (verb) {
    case "":
      return ok(null);
    case "help":
    case "?":
      return ok({ kind: "help" });
    case "drift":
      return count(1) ? ok({ kind: "drift" }) : err("drift takes no further word");
    case "vpp":
      return name === "restart" && count(2) ? ok({ kind: "vpp-restart" }) : err("say: vpp restart");
    case "kill":
    case "start":
    case "slow": {
      if (name === undefined || !backends.includes(name)) {
        return err(`${verb} wants one of ${backends.join(", ")}`);
      }
      if (verb !== "slow") {
        return count(2) ? ok({ kind: verb, backend: name }) : err(`${verb} ${name} takes no further word`);
      }
      const duration = parseDuration(delay ?? "");
      if (!count(3) || !duration.ok) return err(`slow ${name} wants a duration, e.g. 700ms`);
      const delayMs = toMillis(duration.value);
      if (delayMs < 0 || delayMs > delayLimitMs) return err("a delay is at most 60s");
      return ok({ kind: "slow", backend: name, delayMs });
    }
    default:
      return err(`unknown word "${verb}"; help lists the words`);
  }
}

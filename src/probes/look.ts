import type { Attempt } from "./attempt.ts";
import type { BodyPattern } from "./body.ts";
import type { Matcher } from "./matcher.ts";

/** Octets without a last character (UTF-8) of which only a part has arrived; it would be taken for another. */
function wholeCharacters(body: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, body.length); back++) {
    const octet = body[body.length - back] ?? 0;
    if (octet < 0x80) return body;
    if (octet < 0xc0) continue;
    const size = octet < 0xe0 ? 2 : octet < 0xf0 ? 3 : 4;
    return back < size ? body.subarray(0, body.length - back) : body;
  }
  return body;
}

/** Looks at a body that comes in drops would add up; beyond this number they leave the probe thread too. */
const INLINE_LOOKS = 16;

/**
 * Searches a body for a pattern while it arrives: short ones at once, longer ones on the matcher's thread, one
 * look at a time, each at all that is there when it begins.
 */
export class BodyLook implements Disposable {
  readonly #pattern: BodyPattern;
  readonly #matcher: Matcher;
  readonly #attempt: Attempt;
  #found = false;
  /** Octets that the last look saw. */
  #seen = -1;
  #sawEnd = false;
  #inline = 0;
  #job: Disposable | null = null;

  /** Looks for `pattern`; `attempt` is woken by each answer, and excused for the time in the matcher's queue. */
  constructor(pattern: BodyPattern, matcher: Matcher, attempt: Attempt) {
    this.#pattern = pattern;
    this.#matcher = matcher;
    this.#attempt = attempt;
  }

  /** The text of the pattern. */
  get expression(): string {
    return this.#pattern.expression;
  }

  /** Whether an answer is out. */
  get pending(): boolean {
    return this.#job !== null;
  }

  /** Whether the pattern was found. */
  get found(): boolean {
    return this.#found;
  }

  /**
   * Whether the pattern is in the body; null while the answer is out.
   *
   * @param complete whether the body ends here; otherwise false means "not so far"
   */
  look(arrived: Uint8Array, complete: boolean): boolean | null {
    const body = complete ? arrived : wholeCharacters(arrived);
    if (this.#found) return true;
    if (this.#job !== null) return null;
    if (this.#pattern.needsEnd && !complete) return false;
    if (this.#seen === body.length && (this.#sawEnd || !complete || !this.#pattern.needsEnd)) return false;
    this.#seen = body.length;
    this.#sawEnd = complete;
    if (body.length > this.#pattern.inlineLimit || this.#inline >= INLINE_LOOKS) {
      this.#submit(body);
      return null;
    }
    this.#inline++;
    this.#found = this.#pattern.test(body);
    return this.#found;
  }

  /** Takes back a look that is out. */
  [Symbol.dispose](): void {
    this.#job?.[Symbol.dispose]();
    this.#job = null;
  }

  #submit(body: Uint8Array): void {
    // Nothing is read meanwhile, so only the queue keeps the verdict back, and that is not the backend's fault.
    this.#attempt.hold();
    this.#job = this.#matcher.match(this.#pattern, body, {
      begun: () => this.#attempt.unhold(),
      answer: (matches) => {
        this.#job = null;
        this.#found = matches;
        this.#attempt.wake();
      },
    });
  }
}

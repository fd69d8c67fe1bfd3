/**
 * A probe as a row of steps. A step never blocks and is short: at most one system call that reads or writes, or
 * one OpenSSL call. Between two steps the thread can look at the time, at the deadline and at a cancel, so no
 * parser and no peer can keep them from being seen.
 *
 *   step() answers   what follows
 *   "again"          the next step, at once; or after the others had their turn, if 1 ms is used up
 *   "wait"           the next step after `wake`; the step has made sure that it will be called
 *   a verdict        disposal, and the report
 *
 * @module
 */
import type { Verdict } from "./result.ts";

/** What a step came to. */
export type Step = "again" | "wait" | Verdict;

/** One probe. Disposal gives back everything that it holds; it is called once, however the probe ends. */
export interface Machine extends Disposable {
  /** Goes on. What it throws is a defect of this program: the result is void, and no other probe suffers. */
  step(): Step;
  /** The verdict when the deadline passes before one was reached. */
  late(): Verdict;
}

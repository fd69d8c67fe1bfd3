/**
 * What the daemon does from time to time: it reads its own files again, and gives memory back.
 *
 * @module
 */
import { giveBackMemory } from "../../ffi/memory.ts";
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import type { SecretsInUse } from "./secrets.ts";

/** The daemon's own files are read again so often, in ms. */
const lookMs: Millis = 60_000;

/** Memory that a start, a reload or a large answer took for a moment is given back so often, in ms. */
const giveBackMs: Millis = 15_000;

/** Gives memory back until it is disposed. */
export function giveBack(clock: Clock): Disposable {
  let timer: Disposable | null = null;
  const wait = () => {
    timer = clock.after(giveBackMs, () => {
      giveBackMemory();
      wait();
    });
  };
  wait();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

/** Reads the auth file, certificate and key again until it is disposed. */
export function lookAgain(clock: Clock, secrets: SecretsInUse): Disposable {
  let timer: Disposable | null = null;
  const wait = () => {
    timer = clock.after(lookMs, () => {
      void secrets.look();
      wait();
    });
  };
  wait();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

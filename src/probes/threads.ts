/**
 * Several probe workers that look like one. Each backend belongs to one worker for as long as it is probed, so its
 * results keep their order.
 *
 * @module
 */
import type { UnitContents } from "../files/unit.ts";
import type { Millis } from "../model.ts";
import type { ProbeTarget, ThreadProber } from "./prober.ts";
import { type ProberOptions, startProber } from "./runner.ts";

/**
 * Starts `threads` probe workers, at least 1. They share the descriptors of the process in equal parts.
 * Disposal ends them.
 */
export function startProbers(threads: number, options: ProberOptions): ThreadProber {
  if (threads <= 1) return startProber(options);
  return new Probers(Array.from({ length: threads }, () => startProber({ ...options, share: 1 / threads })));
}

/** One of the workers, and how many backends it has. */
interface Part {
  readonly prober: ThreadProber;
  backends: number;
}

class Probers implements ThreadProber {
  readonly #parts: readonly Part[];
  /** Which worker probes a backend. */
  readonly #owners = new Map<string, Part>();

  constructor(probers: readonly ThreadProber[]) {
    this.#parts = probers.map((prober) => ({ prober, backends: 0 }));
  }

  start(targets: readonly ProbeTarget[]): void {
    for (const [part, own] of Map.groupBy(targets, ({ backend }) => this.#owner(backend))) {
      part.prober.start(own);
    }
  }

  pace(backend: string, generation: number, intervalMs: Millis): void {
    this.#owners.get(backend)?.prober.pace(backend, generation, intervalMs);
  }

  stop(backends: readonly string[]): void {
    const known = backends.filter((backend) => this.#owners.has(backend));
    for (const [part, own] of Map.groupBy(known, (backend) => this.#owner(backend))) {
      part.backends -= own.length;
      for (const backend of own) this.#owners.delete(backend);
      part.prober.stop(own);
    }
  }

  files(contents: readonly UnitContents[], gone: readonly string[]): void {
    for (const { prober } of this.#parts) prober.files(contents, gone);
  }

  /** Whether all threads have run: one that hangs is the fault of all of them. */
  alive(): boolean {
    // Each is asked: the answer is about the time since the last question.
    return this.#parts.map(({ prober }) => prober.alive()).every(Boolean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#owners.clear();
    await Promise.all(this.#parts.map(({ prober }) => prober[Symbol.asyncDispose]()));
  }

  /** The worker of a backend; a new one goes to the worker with the fewest. */
  #owner(backend: string): Part {
    const known = this.#owners.get(backend);
    if (known !== undefined) return known;
    const owner = this.#parts.reduce((least, part) => part.backends < least.backends ? part : least);
    owner.backends++;
    this.#owners.set(backend, owner);
    return owner;
  }
}

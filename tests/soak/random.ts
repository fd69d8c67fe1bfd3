/**
 * Chance that a seed repeats. Every activity has a source of its own, so that what one draws does not depend on
 * how often another did.
 */
export class Random {
  readonly #seed: number;
  #state: number;

  /** Draws from `seed`, a 32-bit number. */
  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  /** A source of its own for the activity `name`. */
  for(name: string): Random {
    let seed = this.#seed ^ 0x811c9dc5;
    for (const octet of new TextEncoder().encode(name)) seed = Math.imul(seed ^ octet, 0x01000193);
    return new Random(seed);
  }

  /** 0 ≤ x < 1; the generator "mulberry32". */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** A whole number from `from` to `to`, both possible. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** True with a probability of `chance`, 0…1. */
  chance(chance: number): boolean {
    return this.next() < chance;
  }

  /** One of `choices`. Throws RangeError when there is none. */
  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.int(0, choices.length - 1)];
    if (choice === undefined) throw new RangeError("Cannot pick one of none");
    return choice;
  }

  /** `count` different ones of `choices`, or all if there are fewer. */
  some<T>(choices: readonly T[], count: number): T[] {
    const rest = [...choices];
    return Array.from({ length: Math.min(count, rest.length) }, () => {
      const [taken] = rest.splice(this.int(0, rest.length - 1), 1);
      return taken;
    }).filter((taken) => taken !== undefined);
  }
}

/**
 * What hostile servers say: conversations of random parts, each known by its number.
 *
 * @module
 */

/** Random numbers that a seed repeats (mulberry32). */
export class Chance {
  #state: number;

  /** The same seed gives the same numbers. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `below` − 1. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** One of these. */
  of<T>(...all: readonly T[]): T {
    const one = all[this.below(all.length)];
    if (one === undefined) throw new Error("Cannot choose of nothing");
    return one;
  }
}

/** What a server does next. A flood is sent until the peer closes. */
export type Act =
  | { readonly kind: "send" | "flood"; readonly text: string }
  | { readonly kind: "drops"; readonly text: string; readonly size: number }
  | { readonly kind: "pause"; readonly ms: number }
  | { readonly kind: "close" | "reset" | "silence" };

function noise(chance: Chance, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(chance.below(256))).join("");
}

function head(chance: Chance): string {
  const status = () => chance.of(200, 200, 200, 204, 301, 404, 503, 101, 999);
  const first = chance.of(
    `HTTP/1.1 ${status()} OK\r\n`,
    `HTTP/1.1 ${status()} OK\r\n`,
    `HTTP/1.0 ${status()}\n`,
    "HTTP/1.1 20 OK\r\n",
    "HTTP/2 200\r\n",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "\x16\x03\x01\x02\x00\x01",
    noise(chance, 40),
  );
  const lines = Array.from({ length: chance.below(6) }, () =>
    chance.of(
      "Server: x\r\n",
      "Content-Length: 5\r\n",
      `Content-Length: ${chance.of("-1", "99999999", "5x", "1e9", "")}\r\n`,
      "Transfer-Encoding: chunked\r\n",
      "Content-Encoding: gzip\r\n",
      ` folded ${noise(chance, 10)}\r\n`,
      `X: ${"y".repeat(chance.below(6000))}\r\n`,
      "no colon\r\n",
      `${noise(chance, 8)}: z\r\n`,
    ));
  return `${first}${lines.join("")}${chance.of("\r\n", "\r\n", "\r\n", "\n", "")}`;
}

function body(chance: Chance): string {
  return chance.of(
    "hello",
    "needle",
    "5\r\nhello\r\n0\r\n\r\n",
    `${"1;x=y\r\na\r\n".repeat(chance.below(500))}0\r\n\r\n`,
    "fffffffff\r\nx",
    "5\r\nhelloo\r\n",
    "x".repeat(chance.below(70_000)),
    "\x1f\x8b\x08\x00" + noise(chance, 200),
    noise(chance, chance.below(3000)),
  );
}

function flood(chance: Chance): string {
  return chance.of(
    "HTTP/1.1 100 Continue\r\n\r\n".repeat(chance.of(1, 40, 2000)),
    `1;${"x".repeat(chance.of(1, 1000))}\r\na\r\n`.repeat(chance.of(1, 64)),
    "1\r\na\r\n".repeat(5000),
    "X-Padding: y\r\n".repeat(chance.of(1, 1000)),
    "x".repeat(chance.of(1, 100, 60_000)),
    "\0".repeat(5000),
    noise(chance, 5000),
  );
}

/** The conversation of this number. */
export function conversation(number: number): Act[] {
  const chance = new Chance(number);
  const acts: Act[] = [];
  for (let interim = chance.of(0, 0, 0, 1, 5, 7); interim > 0; interim--) {
    acts.push({ kind: "send", text: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" });
  }
  const parts = [head(chance), body(chance)].slice(0, chance.of(0, 1, 2, 2, 2));
  for (const text of parts) {
    if (chance.next() < 0.3) acts.push({ kind: "pause", ms: chance.below(60) });
    if (chance.next() < 0.2 && text.length < 2000) {
      acts.push({ kind: "drops", text, size: 1 + chance.below(9) });
    } else acts.push({ kind: "send", text });
  }
  const end = chance.of<"close" | "reset" | "silence" | "flood">(
    "close",
    "reset",
    "silence",
    "flood",
    "flood",
  );
  acts.push(end === "flood" ? { kind: end, text: flood(chance) } : { kind: end });
  return acts;
}

import type { Millis } from "../../src/model.ts";
import type { Backend, Config, Frontend, HealthCheck } from "../../src/configuration.ts";
import { backend, config, frontend, tcpCheck } from "../health/kit.ts";

/** One line of a story that does something. */
export interface Line {
  /** Line in the file, from 1. */
  readonly number: number;
  /** Time since the start at which it happens, in ms; null: at once after the line before. */
  readonly at: Millis | null;
  readonly words: readonly string[];
}

/** Splits a story into lines; `#` begins a comment. */
export function parse(text: string): Line[] {
  const lines: Line[] = [];
  text.split("\n").forEach((raw, index) => {
    const words = raw.replace(/(^|\s)#.*$/, "").split(/\s+/).filter((word) => word !== "");
    const time = words[0]?.match(/^t=(.+)$/);
    const at = time === null || time === undefined ? null : duration(time[1] ?? "");
    const rest = at === null ? words : words.slice(1);
    if (rest.length > 0) lines.push({ number: index + 1, at, words: rest });
  });
  return lines;
}

/** `500ms`, `2s`, `1m` in ms. Throws on anything else. */
export function duration(text: string): Millis {
  const match = text.match(/^(\d+(?:\.\d+)?)(ms|s|m)$/);
  if (match === null) throw new Error(`not a duration: ${text}`);
  return Number(match[1]) * (match[2] === "ms" ? 1 : match[2] === "s" ? 1_000 : 60_000);
}

/** `a=1 b=2` as a map. Throws on a word without `=`. */
export function pairs(words: readonly string[]): Map<string, string> {
  return new Map(words.map((word) => {
    const cut = word.indexOf("=");
    if (cut < 1) throw new Error(`expected key=value, not "${word}"`);
    return [word.slice(0, cut), word.slice(cut + 1)];
  }));
}

/** A word that must be there. */
export function word(words: readonly string[], index: number, what: string): string {
  return words[index] ?? fail(`${what} is missing`);
}

function fail(message: string): never {
  throw new Error(message);
}

/** The configuration file of a story, written line by line; `reload` reads it again. */
export class StoryFile {
  readonly #checks = new Map<string, HealthCheck>();
  readonly #backends = new Map<string, Backend>();
  readonly #frontends = new Map<string, Frontend>();
  #history = 5;
  #netns = "";

  /** Takes a line of configuration; false: it is none. */
  take(words: readonly string[]): boolean {
    const [kind, name = "", ...rest] = words;
    switch (kind) {
      case "check":
        this.#checks.set(name, check(name, rest));
        return true;
      case "backend":
        this.#backends.set(name, backendLine(name, rest));
        return true;
      case "frontend":
        this.#frontends.set(name, frontendLine(name, rest));
        return true;
      case "history":
        this.#history = Number(name);
        return true;
      case "netns":
        this.#netns = name;
        return true;
      case "drop":
        if (!this.#backends.delete(word(rest, 0, "name")) || name !== "backend") {
          fail("only a backend can be dropped");
        }
        return true;
      default:
        return false;
    }
  }

  /** The configuration as written so far. */
  read(): Config {
    return config({
      checks: [...this.#checks.values()],
      backends: [...this.#backends.values()],
      frontends: [...this.#frontends.values()],
      history: this.#history,
      netns: this.#netns,
    });
  }
}

// check web interval=2s fast-interval=500ms down-interval=5s timeout=1s rise=2 fall=3
function check(name: string, words: readonly string[]): HealthCheck {
  const given = pairs(words);
  const ms = (key: string, otherwise: Millis) => {
    const text = given.get(key);
    return text === undefined ? otherwise : duration(text);
  };
  const intervalMs = ms("interval", 2_000);
  const known = ["interval", "fast-interval", "down-interval", "timeout", "rise", "fall"];
  for (const key of given.keys()) if (!known.includes(key)) fail(`unknown key ${key}`);
  return tcpCheck(name, {
    intervalMs,
    fastIntervalMs: ms("fast-interval", intervalMs),
    downIntervalMs: ms("down-interval", intervalMs),
    timeoutMs: ms("timeout", 1_000),
    rise: Number(given.get("rise") ?? 2),
    fall: Number(given.get("fall") ?? 3),
  });
}

// backend b1 10.0.0.1 [check=web] [disabled]
function backendLine(name: string, words: readonly string[]): Backend {
  const enabled = !words.includes("disabled");
  const given = pairs(words.slice(1).filter((w) => w !== "disabled"));
  return backend(name, word(words, 0, "address"), given.get("check") ?? null, enabled);
}

// frontend www 192.0.2.1 [no-flush] primary: b1=100 b2=50 fallback: b3=10
function frontendLine(name: string, words: readonly string[]): Frontend {
  const pools: Record<string, Record<string, number>> = {};
  let members: Record<string, number> | null = null;
  for (const part of words.slice(1)) {
    if (part === "no-flush") continue;
    if (part.endsWith(":")) {
      members = {};
      pools[part.slice(0, -1)] = members;
      continue;
    }
    for (const [member, weight] of pairs([part])) {
      (members ?? fail("a pool comes first"))[member] = Number(weight);
    }
  }
  return frontend(name, word(words, 0, "address"), pools, { flushOnDown: !words.includes("no-flush") });
}

/**
 * Times and figures of a daemon's answers made the same at each run, before maglevc shows them. Words, states, weights
 * and counts stay as the daemon gave them. Pure.
 *
 * @module
 */
import { siteNow } from "../cli/site.ts";

/** What is replaced, and when the incident began. */
export interface Steady {
  /** When it was caused, in unix milliseconds by the daemon's clock. */
  readonly caused: number;
  /** Names of the backends that are slow; on a busy machine others may seem so. */
  readonly slow: readonly string[];
  /** Texts of this machine and what the guide has in their place. */
  readonly words: readonly (readonly [string, string])[];
}

/** An incident in the guide began so long ago. */
const incidentMs = 42_000;
/** All else in the guide began so long ago. */
const beforeMs = 93_600_000;
/** A time so far away is one that the test has chosen, and stays. */
const farMs = 86_400_000;
/** Times of probes in the guide, in ns: fast and slow. */
const fastNs = "1300000";
const slowNs = "240000000";

const rfc3339 = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

function iso(at: number): string {
  return new Date(at).toISOString();
}

function time(key: string, at: number, { caused }: Steady): string {
  if (Math.abs(at - caused) > farMs) return iso(at);
  if (key === "read_at" || key === "started_at") return iso(siteNow - 2_000);
  if (key === "next_probe_at") return iso(siteNow + 1_000);
  return iso(siteNow - (at < caused ? beforeMs : incidentMs));
}

/** Only what a slow server adds is slow: its first octet, and what that is part of. */
function nanos(key: string, slow: boolean): string {
  if (key === "lag_ns") return "0";
  return slow && /^(first_byte|total|p95|p99)_ns$/.test(key) ? slowNs : fastNs;
}

/** The last twelve probes are as the newest one, those before were fast. */
function spark(value: string, slow: boolean): string {
  const newest = value.endsWith("x") ? "x" : slow ? "9" : "4";
  return "4".repeat(48) + newest.repeat(12);
}

function text(key: string, value: string, steady: Steady, slow: boolean): string {
  if (key.endsWith("_ns") && /^\d+$/.test(value)) return nanos(key, slow);
  if (key === "spark") return spark(value, slow);
  let shown = value.replaceAll(rfc3339, (at) => time(key, Date.parse(at), steady));
  for (const [here, guide] of steady.words) shown = shown.replaceAll(here, guide);
  return shown;
}

/** An answer of the daemon with stable times, durations and addresses. */
export function steadied(value: unknown, steady: Steady, key = "", slow = false): unknown {
  if (typeof value === "string") return text(key, value, steady, slow);
  if (Array.isArray(value)) return value.map((one) => steadied(one, steady, key, slow));
  if (value === null || typeof value !== "object") return value;
  const isSlow = slow || ("name" in value && steady.slow.some((name) => name === value.name));
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, steadied(one, steady, name, isSlow)]),
  );
}

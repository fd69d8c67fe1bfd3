/**
 * Bounds on what strangers may hold. All are per listener; docs/api.md gives the reasons and the measurements.
 *
 * @module
 */
import type { Millis } from "../src/model.ts";

/** Bounds of one listener. */
export interface Limits {
  /** Open connections; further ones are closed as soon as they are accepted. */
  readonly connections: number;
  /** Bytes of a request's head. */
  readonly headerBytes: number;
  /** From the connect, or the last answer, to the end of a request's head. */
  readonly headersMs: Millis;
  /** From the first octet of a request to its last. */
  readonly requestMs: Millis;
  /** TLS handshake. */
  readonly handshakeMs: Millis;
  /** Idle connection between two requests. */
  readonly keepAliveMs: Millis;
  /** Answer of which the client reads nothing. */
  readonly stallMs: Millis;
  /** How often the two request times are looked at. */
  readonly checkMs: Millis;
}

/** Bounds of the API's listeners: 512 event streams and as many other connections. */
export const apiLimits: Limits = {
  connections: 1024,
  headerBytes: 16 * 1024,
  headersMs: 5_000,
  requestMs: 15_000,
  handshakeMs: 5_000,
  keepAliveMs: 30_000,
  // Twice the interval of an event stream's comments, or idle streams would be cut.
  stallMs: 35_000,
  checkMs: 1_000,
};

/** Bounds of the metrics listener, which few and known clients use. */
export const metricsLimits: Limits = { ...apiLimits, connections: 64 };

/** However few descriptors there are, so many connections each listener takes. */
const fewestConnections = 4;

const bounded = (count: number, most: number): number =>
  Math.max(fewestConnections, Math.min(most, Math.floor(count)));

/**
 * Bounds of all listeners of a daemon: no more connections than there are descriptors for them.
 *
 * @param descriptors what probes and the daemon itself leave of the limit of open files; may be negative
 * @param listeners of the API
 * @param metrics whether there is a listener for metrics besides
 */
export function sharedLimits(
  descriptors: number,
  listeners: number,
  metrics: boolean,
): { readonly api: Limits; readonly metrics: Limits } {
  const forMetrics = metrics ? bounded(descriptors / 4, metricsLimits.connections) : 0;
  const each = (descriptors - forMetrics) / Math.max(1, listeners);
  return {
    api: { ...apiLimits, connections: bounded(each, apiLimits.connections) },
    metrics: { ...metricsLimits, connections: forMetrics },
  };
}

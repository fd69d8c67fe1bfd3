/**
 * The shapes of the API's answers, as far as maglevc reads them.
 *
 * @module
 */
export * from "./daemon.ts";
export * from "./events.ts";
export * from "./health.ts";
export * from "./memory.ts";
export * from "./vpp.ts";

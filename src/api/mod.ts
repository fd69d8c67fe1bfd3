/**
 * The JSON of every response and event of the API: the contract with its clients. Keys may be added, none renamed.
 *
 * Every key is always present; "none" is null, never a missing key, except where `?` stands. Responses are
 * `application/json`, errors `application/problem+json`. Clients ignore keys they do not know. Lists keep the
 * file's order.
 *
 * @module
 */
export type * from "./answers.ts";
export type * from "./base.ts";
export type * from "./config.ts";
export type * from "./events.ts";
export type * from "./health.ts";
export type * from "./memory.ts";
export type * from "./problem.ts";
export type * from "./vpp.ts";

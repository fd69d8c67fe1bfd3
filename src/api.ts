/**
 * The JSON of every response and event of the API: the contract with its clients. Keys may be added, none renamed.
 *
 * Every key is always present; "none" is null, never a missing key, except where `?` stands. Responses are
 * `application/json`, errors `application/problem+json`. Clients ignore keys they do not know. Lists keep the
 * file's order.
 *
 * @module
 */
export type * from "./api/answers.ts";
export type * from "./api/base.ts";
export type * from "./api/config.ts";
export type * from "./api/events.ts";
export type * from "./api/health.ts";
export type * from "./api/memory.ts";
export type * from "./api/problem.ts";
export type * from "./api/vpp.ts";

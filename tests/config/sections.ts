import { FLEET } from "../../src/config/fleet.ts";
import { BACKEND, FRONTEND, HEALTHCHECK, HEALTHCHECKER, LB, MEMBER, POOL } from "../../src/config/schema.ts";
import type { Shape } from "../../src/config/spec.ts";

/** Every section of maglev.yaml with its keys, but for the parameters of a check. */
export const sections: readonly [prefix: string, shape: Shape][] = [
  ["healthchecker.", HEALTHCHECKER],
  ["healthchecks.<name>.", HEALTHCHECK],
  ["backends.<name>.", BACKEND],
  ["frontends.<name>.", FRONTEND],
  ["frontends.<name>.pools[].", POOL],
  ["frontends.<name>.pools[].backends.<backend>.", MEMBER],
  ["vpp.lb.", LB],
  ["fleet.", FLEET],
];

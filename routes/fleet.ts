import { createRoute, z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { contract, orNull, type Schema } from "./contract.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { json, problems, readErrors, security } from "./operation.ts";
import { Ns, Text, Time } from "./schemas_base.ts";

/** GET /v1/fleet */
export const Fleet: Schema<api.Fleet> = contract<api.Fleet>()(
  "Fleet",
  z.object({
    name: orNull(Text).openapi({ description: "null: this daemon stands alone" }),
    node: Text.openapi({ description: "this daemon" }),
    store: z.enum(["off", "live", "away"]),
    store_since: orNull(Time),
    store_detail: Text.openapi({ description: "why the store is away" }),
    nodes: z.array(z.object({
      node: Text,
      age_ns: Ns.openapi({ description: "since its row was last seen in the store" }),
      version: Text,
      config: z.enum(["same", "differs"]),
      config_digest: Text,
      vpp: z.enum(["off", "disconnected", "refused", "warming-up", "out-of-sync", "in-sync"]),
      not_up: z.array(Text).openapi({ description: "its backends that are not up" }),
    })),
    disagreements: z.array(z.object({
      kind: z.enum(["config", "table", "health"]),
      object: Text.openapi({ description: "a node, a frontend or a backend" }),
      text: Text,
      nodes: z.record(z.string(), Text).openapi({ description: "what each node has" }),
    })),
  }),
);

const getFleet = createRoute({
  method: "get",
  path: "/v1/fleet",
  operationId: "getFleet",
  summary: "The daemons of the fleet, and what they do not agree about",
  tags: ["fleet"],
  security,
  responses: { 200: json(Fleet, "the fleet", examples.fleet), ...problems(...readErrors) },
});

/** Mounts /v1/fleet. */
export function mountFleet(app: Api, { control }: Pick<ApiOptions, "control">): void {
  app.openapi(getFleet, async (c) => c.json(await control.fleet(), 200));
}

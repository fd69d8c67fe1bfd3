import { z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { contract, type Schema } from "./contract.ts";
import { Text } from "./schemas_base.ts";

/** GET /v1/peers */
export const PeerList: Schema<api.PeerList> = contract<api.PeerList>()(
  "PeerList",
  z.object({
    peers: z.array(z.object({ name: Text, url: Text, reachable: z.boolean(), detail: z.string() })),
  }),
);

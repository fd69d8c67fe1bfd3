/**
 * Schemas of the configuration: as it runs, as it was checked, as it was reloaded.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { contract, orNull, type Schema } from "./contract.ts";
import { Consequences } from "./schemas_answers.ts";
import { Finding, Text } from "./schemas_base.ts";
import { SyncResult } from "./schemas_vpp.ts";

const checked = {
  ok: z.boolean(),
  parse_error: Text,
  semantic_error: Text,
  errors: z.array(Finding),
  warnings: z.array(Finding),
};

/** GET /v1/config */
export const Config: Schema<api.Config> = contract<api.Config>()(
  "Config",
  z.object({
    maglev: z.record(z.string(), z.unknown()).openapi({
      description: "the file's own keys, defaults filled in, secret header values `***`",
    }),
  }),
);

/** POST /v1/config/check */
export const ConfigCheck: Schema<api.ConfigCheck> = contract<api.ConfigCheck>()(
  "ConfigCheck",
  z.object(checked),
);

/** POST /v1/config/reload */
export const ConfigReload: Schema<api.ConfigReload> = contract<api.ConfigReload>()(
  "ConfigReload",
  z.object({
    ...checked,
    changes: z.array(z.object({
      object: z.enum(["healthchecker", "healthcheck", "backend", "frontend", "vpp", "override", "fleet"]),
      name: Text,
      change: z.enum(["added", "changed", "removed"]),
      fields: z.array(Text),
      effect: Text,
    })),
    sync: orNull(SyncResult),
    consequences: Consequences.optional(),
  }),
);

/**
 * Schemas of the events of `GET /v1/events`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { contract, orNull, type Schema } from "./contract.ts";
import { Transition } from "./schemas.ts";
import { FrontendState, Ns, Text, Time } from "./schemas_base.ts";
import { VppInfo } from "./schemas_vpp.ts";

const head = {
  at: Time,
  at_unix_ns: Ns,
  synthetic: z.boolean().openapi({ description: "true: tells a state, not a change" }),
};
const link = z.enum(["off", "disconnected", "connected"]);

/** A backend changed its state. */
export const BackendEvent: Schema<api.BackendEvent> = contract<api.BackendEvent>()(
  "BackendEvent",
  z.object({
    ...head,
    kind: z.literal("backend"),
    backend: Text,
    frontends: z.array(Text),
    transition: Transition,
  }),
);

/** A frontend changed its state or its active pool. */
export const FrontendEvent: Schema<api.FrontendEvent> = contract<api.FrontendEvent>()(
  "FrontendEvent",
  z.object({
    ...head,
    kind: z.literal("frontend"),
    frontend: Text,
    from: FrontendState,
    to: FrontendState,
    active_pool: Text,
    reason: Text,
  }),
);

/** VPP came or went. */
export const VppEvent: Schema<api.VppEvent> = contract<api.VppEvent>()(
  "VppEvent",
  z.object({ ...head, kind: z.literal("vpp"), from: link, to: link, reason: Text, info: orNull(VppInfo) }),
);

/** A log record. */
export const LogEvent: Schema<api.LogEvent> = contract<api.LogEvent>()(
  "LogEvent",
  z.object({
    ...head,
    kind: z.literal("log"),
    level: z.enum(["debug", "info", "warn", "error"]),
    msg: Text,
    attrs: z.record(z.string(), z.unknown()),
  }),
);

/** Something changed that is no transition. */
export const ChangeEvent: Schema<api.ChangeEvent> = contract<api.ChangeEvent>()(
  "ChangeEvent",
  z.object({
    ...head,
    kind: z.literal("change"),
    what: z.enum(["weight", "override", "problems", "sync", "config", "fleet"]),
    backend: orNull(Text).openapi({ description: "null: none in particular" }),
    frontend: orNull(Text).openapi({ description: "null: none in particular" }),
  }),
);

/** Events were lost to this subscriber; the present state follows. */
export const ResyncEvent: Schema<api.ResyncEvent> = contract<api.ResyncEvent>()(
  "ResyncEvent",
  z.object({ ...head, kind: z.literal("resync"), reason: z.enum(["epoch", "ring"]) }),
);

/** The last event before the daemon closes a stream. */
export const DroppedEvent: Schema<api.DroppedEvent> = contract<api.DroppedEvent>()(
  "DroppedEvent",
  z.object({ ...head, kind: z.literal("dropped"), reason: Text }),
);

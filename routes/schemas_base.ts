/**
 * The words that all schemas share.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { PROBE_CODES } from "../src/model.ts";
import { contract, orNull, type Schema } from "./contract.ts";

/** Any text. */
export const Text: Schema<string> = z.string();

/** RFC 3339 UTC with milliseconds. */
export const Time: Schema<string> = z.string().openapi({ format: "date-time" });

/** Nanoseconds, a unix time or a duration, as a decimal string. */
export const Ns: Schema<string> = z.string().openapi({ pattern: "^-?[0-9]+$", example: "1500000000" });

/** A weight of the configuration. */
export const Weight: Schema<number> = z.int().min(0).max(100);

/** A weight in VPP, which takes any octet: of foreign servers, and of backends that are left as they were found. */
export const VppWeight: Schema<number> = z.int().min(0).max(255);

/** A TCP or UDP port. */
export const Port: Schema<number> = z.int().min(1).max(65535);

/** State of a backend. */
export const State: Schema<api.Transition["from"]> = contract<api.Transition["from"]>()(
  "State",
  z.enum(["unknown", "up", "down", "paused", "disabled", "removed"]),
);

/** State of a frontend. */
export const FrontendState: Schema<api.Frontend["state"]> = contract<api.Frontend["state"]>()(
  "FrontendState",
  z.enum(["unknown", "up", "down"]),
);

/** Protocol of a VIP; `any` is an all-port VIP, port 0. */
export const Protocol: Schema<api.Frontend["protocol"]> = contract<api.Frontend["protocol"]>()(
  "Protocol",
  z.enum(["tcp", "udp", "any"]),
);

/** Why a backend is in its state. */
export const Code: Schema<api.Transition["code"]> = contract<api.Transition["code"]>()(
  "Code",
  z.enum([
    ...PROBE_CODES,
    "paused",
    "disabled",
    "enabled",
    "resumed",
    "removed",
    "reload",
    "static",
    "expired",
  ]),
);

/** One mistake or lint, with its place. */
export const Finding: Schema<api.Finding> = contract<api.Finding>()(
  "Finding",
  z.object({
    severity: z.enum(["error", "warning"]),
    pass: z.enum(["structural", "semantic", "lint"]),
    file: orNull(Text).openapi({
      description: "null for a JSON body or a parameter, `<body>` for posted YAML",
    }),
    line: orNull(z.int().min(1)),
    column: orNull(z.int().min(1)),
    path: Text,
    message: Text,
    hint: orNull(Text),
  }),
);

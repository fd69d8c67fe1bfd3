/**
 * Schemas of the journal and of what is made from it.
 *
 * @module
 */
import type * as api from "../src/api/mod.ts";
import { z } from "@hono/zod-openapi";
import { journalKinds } from "../src/api/memory.ts";
import { contract, orNull, type Schema } from "./contract.ts";
import { Code, Ns, State, Text, Time } from "./schemas_base.ts";

/** Something that happened. */
export const JournalEntry: Schema<api.JournalEntry> = contract<api.JournalEntry>()(
  "JournalEntry",
  z.object({
    seq: z.int().min(1).openapi({ description: "orders entries, also where the clock was set back" }),
    at: Time,
    kind: z.enum(journalKinds),
    backend: orNull(Text),
    frontend: orNull(Text),
    by: orNull(Text).openapi({ description: "null: the daemon itself" }),
    claimed: orNull(Text).openapi({ description: "who it says is behind the token; unverified" }),
    reason: orNull(Text),
    text: Text.openapi({ description: "one sentence" }),
    data: z.record(z.string(), z.unknown()).openapi({ description: "details for programs" }),
    chain: orNull(Text).openapi({ description: "link of the chain; null but for changes and overrides" }),
  }),
);

/** GET /v1/journal */
export const Journal: Schema<api.Journal> = contract<api.Journal>()(
  "Journal",
  z.object({
    entries: z.array(JournalEntry).openapi({ description: "newest first" }),
    before: orNull(z.int().min(1)).openapi({ description: "`before` of the next page; null: there is none" }),
    oldest: orNull(Time).openapi({ description: "of the oldest entry that is kept" }),
    dropped: z.int().min(0).openapi({ description: "entries that were lost since the start" }),
  }),
);

/** GET /v1/backends/{name}/replay */
export const Replay: Schema<api.Replay> = contract<api.Replay>()(
  "Replay",
  z.object({
    backend: Text,
    since: Time,
    until: Time,
    rule: z.object({ rise: z.int().min(1).max(100), fall: z.int().min(1).max(100) }),
    exact: z.boolean().openapi({ description: "the rule was in force; false: an estimate" }),
    recorded: z.object({ downs: z.int().min(0), down_ns: Ns }),
    replayed: z.object({
      downs: z.int().min(0),
      down_ns: Ns,
      transitions: z.array(z.object({ at: Time, to: State, code: Code })),
    }),
    gaps: z.int().min(0).openapi({ description: "times without records" }),
  }),
);

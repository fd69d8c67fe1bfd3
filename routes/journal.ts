import { createRoute, z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { readTime } from "../src/api/text.ts";
import { didYouMean } from "../src/config/nearest.ts";
import type { UnixMillis } from "../src/model.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { json, nameParameter, problems, readErrors, security, unwrap } from "./operation.ts";
import { finding, problemOfFindings } from "./problem.ts";
import { Journal, Replay } from "./schemas_journal.ts";
import { journalKinds } from "../src/api/memory.ts";

/** Entries of a page: without a limit, and at most. */
const usualLimit = 100;
const greatestLimit = 1_000;
/** Greatest rise and fall, as in the configuration. */
const greatestRule = 100;

const tags = ["journal"];

function text(name: string, description: string, example: string) {
  return z.string().optional().openapi({ param: { name, in: "query", description }, example });
}

function time(name: string, description: string, example: string) {
  return z.string().optional().openapi({
    format: "date-time",
    param: { name, in: "query", description },
    example,
  });
}

function whole(name: string, description: string, maximum: number, example: number) {
  return z.string().optional().openapi({
    type: "integer",
    minimum: 1,
    maximum,
    param: { name, in: "query", description },
    example,
  });
}

const getJournal = createRoute({
  method: "get",
  path: "/v1/journal",
  operationId: "getJournal",
  summary: "What happened, newest first",
  description: "Names of the past are known. A page of large entries may have fewer than `limit`.",
  tags,
  security,
  request: {
    query: z.object({
      since: time("since", "not before this time", "2026-01-31T11:00:00Z"),
      until: time("until", "not after this time", "2026-01-31T12:00:00Z"),
      kinds: text("kinds", `separated by commas: ${journalKinds.join(", ")}`, "backend,override"),
      backend: text("backend", "name of a backend", "b2"),
      frontend: text("frontend", "name of a frontend", "web"),
      limit: whole("limit", `entries of the page, default ${usualLimit}`, greatestLimit, 100),
      before: whole(
        "before",
        "`before` of the page before this one",
        Number.MAX_SAFE_INTEGER,
        examples.journal.entries[0]?.seq ?? 1,
      ),
    }),
  },
  responses: {
    200: json(Journal, "a page of entries", examples.journal),
    ...problems(...readErrors, "not-found"),
  },
});

const getReplay = createRoute({
  method: "get",
  path: "/v1/backends/{name}/replay",
  operationId: "replay",
  summary: "How often a backend would have been down under another rule",
  description: "Puts the recorded results through the function that judges live ones. Without `rise` and " +
    "`fall` the rule in force, and then the recorded transitions in their order.",
  tags,
  security,
  request: {
    params: z.object({ name: nameParameter("name", "backend", "b2") }),
    query: z.object({
      since: time("since", "begin of the range, default a day ago", "2026-01-31T11:00:00Z"),
      rise: whole("rise", "passes in a row that make it up", greatestRule, 3),
      fall: whole("fall", "failures in a row that make it down", greatestRule, 5),
    }),
  },
  responses: {
    200: json(Replay, "what happened, and what would have", examples.replay),
    ...problems(...readErrors, "not-found"),
  },
});

/** Reads query parameters, and collects what is wrong with them. */
class Parameters {
  readonly #errors: api.Finding[] = [];

  time(name: string, given: string | undefined): UnixMillis | null {
    if (given === undefined) return null;
    const at = readTime(given);
    if (at !== null) return at;
    this.#wrong(name, `"${given}" is no time`, "RFC 3339 with its zone, e.g. 2026-01-31T12:00:00Z");
    return null;
  }

  whole(name: string, given: string | undefined, maximum: number): number | null {
    if (given === undefined) return null;
    const value = Number(given);
    if (/^[0-9]{1,16}$/.test(given) && value >= 1 && value <= maximum) return value;
    this.#wrong(name, `must be a whole number from 1 to ${maximum}`, null);
    return null;
  }

  kinds(given: string | undefined): api.JournalKind[] {
    const words = (given ?? "").split(",").map((word) => word.trim()).filter((word) => word !== "");
    return words.flatMap((word) => {
      const kind = journalKinds.find((known) => known === word);
      if (kind !== undefined) return [kind];
      const hint = didYouMean(word, journalKinds) ?? `one of ${journalKinds.join(", ")}`;
      this.#wrong("kinds", `"${word}" is no kind of entry`, hint);
      return [];
    });
  }

  /** Throws what was found. */
  check(): void {
    if (this.#errors.length > 0) throw problemOfFindings(this.#errors);
  }

  #wrong(name: string, message: string, hint: string | null): void {
    this.#errors.push(finding(name, message, hint, "semantic"));
  }
}

/** Mounts /v1/journal and the replay of a backend. */
export function mountJournal(app: Api, { control }: ApiOptions): void {
  app.openapi(getJournal, async (c) => {
    const { backend = null, before, frontend = null, kinds, limit, since, until } = c.req.valid("query");
    const read = new Parameters();
    const query = {
      since: read.time("since", since),
      until: read.time("until", until),
      kinds: read.kinds(kinds),
      backend,
      frontend,
      limit: read.whole("limit", limit, greatestLimit) ?? usualLimit,
      before: read.whole("before", before, Number.MAX_SAFE_INTEGER),
    };
    read.check();
    return c.json(unwrap(await control.journal(query)), 200);
  });

  app.openapi(getReplay, async (c) => {
    const { name } = c.req.valid("param");
    const { fall, rise, since } = c.req.valid("query");
    const read = new Parameters();
    const query = {
      since: read.time("since", since),
      rise: read.whole("rise", rise, greatestRule),
      fall: read.whole("fall", fall, greatestRule),
    };
    read.check();
    return c.json(unwrap(await control.replay(name, query)), 200);
  });
}

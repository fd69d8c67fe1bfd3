import type * as api from "../../api/mod.ts";
import {
  any,
  flag,
  list,
  nanos,
  nul,
  number,
  object,
  optional,
  record,
  type Shape,
  text,
  time,
} from "../shape.ts";
import { change } from "./vpp.ts";

/** What an operator set. */
export const override: Shape<api.Override> = object<api.Override>({
  id: text,
  kind: text,
  backend: text,
  frontend: nul(text),
  pool: nul(text),
  weight: nul(number),
  by: text,
  claimed: nul(text),
  reason: nul(text),
  since: time,
  until: nul(time),
  file_value: nul((value, at) => typeof value === "boolean" ? value : number(value, at)),
  scope: text,
  sleeping: nul(object<NonNullable<api.Override["sleeping"]>>({ since: time, why: text })),
});

/** What an action changes. */
export const consequences: Shape<api.Consequences> = object<api.Consequences>({
  dry_run: flag,
  durable: flag,
  durable_detail: text,
  replaced: nul(override),
  frontends: nul(list(object<NonNullable<api.Consequences["frontends"]>[number]>({
    frontend: text,
    from: text,
    to: text,
    pool_before: nul(text),
    pool_after: nul(text),
    servers_left: number,
    moved_share: nul(number),
    flushed: list(text),
  }))),
  changes: nul(list(change)),
});

/** GET /v1/overrides */
export const overrideList: Shape<api.OverrideList> = object<api.OverrideList>({
  overrides: list(override),
  consequences: optional(consequences),
});

/** GET /v1/journal */
export const journal: Shape<api.Journal> = object<api.Journal>({
  entries: list(object<api.JournalEntry>({
    seq: number,
    at: time,
    kind: text,
    backend: nul(text),
    frontend: nul(text),
    by: nul(text),
    claimed: nul(text),
    reason: nul(text),
    text: text,
    data: record(any),
    chain: nul(text),
  })),
  before: nul(number),
  oldest: nul(time),
  dropped: number,
});

const downs = object<api.Replay["recorded"]>({ downs: number, down_ns: nanos });

/** GET /v1/backends/{name}/replay */
export const replay: Shape<api.Replay> = object<api.Replay>({
  backend: text,
  since: time,
  until: time,
  rule: object<api.Replay["rule"]>({ rise: number, fall: number }),
  exact: flag,
  recorded: downs,
  replayed: object<api.Replay["replayed"]>({
    downs: number,
    down_ns: nanos,
    transitions: list(
      object<api.Replay["replayed"]["transitions"][number]>({ at: time, to: text, code: text }),
    ),
  }),
  gaps: number,
});

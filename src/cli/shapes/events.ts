import type * as api from "../../api/mod.ts";
import { any, flag, list, nul, number, object, record, type Shape, text, time } from "../shape.ts";
import { transition } from "./health.ts";

/** Any event of the API's stream. */
export type ApiEvent =
  | api.BackendEvent
  | api.FrontendEvent
  | api.VppEvent
  | api.LogEvent
  | api.ResyncEvent
  | api.DroppedEvent
  | api.ChangeEvent;

const head = { kind: text, at: time, synthetic: flag } as const;

const shapes: { readonly [K in ApiEvent["kind"]]: Shape<Extract<ApiEvent, { kind: K }>> } = {
  backend: object<api.BackendEvent>({ ...head, backend: text, frontends: list(text), transition }),
  frontend: object<api.FrontendEvent>({
    ...head,
    frontend: text,
    from: text,
    to: text,
    active_pool: text,
    reason: text,
  }),
  vpp: object<api.VppEvent>({
    ...head,
    from: text,
    to: text,
    reason: text,
    info: nul(object<api.VppInfo>({ version: text, pid: number })),
  }),
  log: object<api.LogEvent>({ ...head, level: text, msg: text, attrs: record(any) }),
  resync: object<api.ResyncEvent>({ ...head, reason: text }),
  dropped: object<api.DroppedEvent>({ ...head, reason: text }),
  change: object<api.ChangeEvent>({ ...head, what: text, backend: nul(text), frontend: nul(text) }),
};

/** An event of a kind that a newer maglevd has. */
export interface OtherEvent extends api.EventHead {
  /** Tells that it is none of the others. */
  readonly kind: "other";
}

/** One event. */
export function event(value: unknown, at: string): ApiEvent | OtherEvent {
  const { kind, ...rest } = object<Pick<api.LogEvent, "at" | "at_unix_ns" | "synthetic"> & { kind: string }>({
    kind: text,
    at: time,
    synthetic: flag,
  })(value, at);
  return Object.hasOwn(shapes, kind)
    ? shapes[kind as ApiEvent["kind"]](value, at)
    : { ...rest, kind: "other" };
}

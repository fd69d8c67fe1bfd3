import type { BackendEvent, FrontendEvent, LogEvent, VppEvent } from "./api.ts";
import type { UnixMillis } from "./model.ts";

type WithoutHead<E> = E extends unknown ? Omit<E, "at" | "at_unix_ns" | "synthetic"> : never;

/** What the parts of the daemon tell the world; the bus adds time and sequence. */
export type Announcement = WithoutHead<BackendEvent | FrontendEvent | VppEvent | LogEvent>;

/** Where the parts of the daemon announce changes. */
export interface Announcer {
  /** Announces one change; `at` is when it happened (default: now). Never throws, never waits. */
  announce(event: Announcement, at?: UnixMillis): void;
}

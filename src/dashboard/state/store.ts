/**
 * The signals of the page: one model, and what the person before it chose.
 *
 * @module
 */
import { computed, effect, signal } from "@preact/signals";
import { ApiClient, ApiError, type Transport } from "./client.ts";
import { acceptPlan } from "./shapes.ts";
import { Live, type PageClock } from "./live.ts";
import { type Daemon, Others } from "./others.ts";
import { localSettings, sessionSettings } from "./settings.ts";
import { emptyModel, type Model, type PageBackend, type Resource } from "./model.ts";

const tokenKey = "maglev-token";
const themeKey = "maglev-theme";

/** What a token in the address means; of one that is cut off in the middle of a character the text as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return text;
  }
}

/** Takes a token out of `#token=…`, so that it is neither in the address nor in the history. */
function tokenOfAddress(): void {
  const match = /^#token=(.+)$/.exec(location.hash);
  if (match?.[1] === undefined) return;
  history.replaceState(null, "", location.pathname + location.search);
  sessionSettings.set(tokenKey, decoded(match[1]));
}

const transport: Transport = {
  fetch: (path, init) => fetch(path, init),
  token: () => token.peek(),
};

const clock: PageClock = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** A value that the page follows: who reads it while drawing is drawn again when it changes. */
export interface ReadCell<T> {
  /** The value; reading it subscribes. */
  readonly value: T;
}

/** A value that may be set. */
export interface Cell<T> {
  /** The value; reading it subscribes. */
  value: T;
  /** The value without subscribing. */
  peek(): T;
}

/** The token in use, kept for this tab; null: none. */
export const token: Cell<string | null> = signal(null);
/** What is known of the daemon that is shown. */
export const model: Cell<Model> = signal(emptyModel);
/** Name of the peer that is shown; null: the daemon that serves the page. */
export const peer: Cell<string | null> = signal(new URLSearchParams(location.search).get("peer"));
/** This daemon and its peers; empty: it has none. */
export const daemons: Cell<readonly Daemon[]> = signal<readonly Daemon[]>([]);
/** The clock of the page, moved once a second, so that all ages tick together. */
export const now: Cell<number> = signal(Date.now());
/** Text of the search box, also in the address as `?q=`. */
export const query: Cell<string> = signal(new URLSearchParams(location.search).get("q") ?? "");
/** State that the chips filter by, also in the address; "" for all. */
export const stateFilter: Cell<string> = signal(new URLSearchParams(location.search).get("state") ?? "");
/** What the drawer shows. */
export const opened: Cell<{ readonly kind: "backend" | "frontend"; readonly name: string } | null> = signal(
  null,
);
/** The question that is asked before an action. */
export const asked: Cell<Action | null> = signal<Action | null>(null);
/** Whether the help is shown. */
export const help: Cell<boolean> = signal(false);
/** Colours. */
export const theme: Cell<string> = signal(localSettings.get(themeKey) ?? "auto");
/** One line for screen readers and the bar: what an action did. */
export const notice: Cell<string> = signal("");
/** Name of the row that the keyboard is at. */
export const cursor: Cell<string | null> = signal<string | null>(null);

/** Counts up with each daemon that is shown and each token that is given up: what one of them answered goes with it. */
export const reading: Cell<number> = signal(0);

/** Something that a person wants to do. */
export type Action =
  | { readonly kind: "pause" | "resume" | "disable" | "enable"; readonly backend: string }
  | {
    readonly kind: "weight";
    readonly frontend: string;
    readonly pool: string;
    readonly backend: string;
    readonly weight: number;
  }
  | { readonly kind: "clear"; readonly id: string; readonly text: string }
  | { readonly kind: "sync"; readonly digest: string };

let live: Live | null = null;
let others: Others | null = null;

/** Problems of a daemon: of the shown one as the page knows them. Null: not known. */
export function problemCounts(daemon: Daemon): { critical: number | null; warnings: number | null } {
  if (daemon.name !== peer.value) return daemon;
  const { problems } = model.value;
  return { critical: problems?.critical ?? null, warnings: problems?.warnings ?? null };
}

/** Whether what is shown is not of now: nothing is heard, or the token is taken no more. */
export const isOld: ReadCell<boolean> = computed(() => {
  const { connection, info } = model.value;
  return info !== null && (connection === "stale" || connection === "away" || connection === "unauthorized");
});

/** Problems of all daemons; one that tells nothing any more is a critical one. */
export const allProblems: ReadCell<{ readonly critical: number; readonly warnings: number }> = computed(
  () => {
    const shown: Daemon = { name: peer.value, url: null, trouble: "", critical: null, warnings: null };
    const counts = (daemons.value.length === 0 ? [shown] : daemons.value).map((daemon) => {
      const away = daemon.trouble !== "" && daemon.name !== peer.value;
      return away || daemon.name === peer.value && isOld.value
        ? { critical: 1, warnings: 0 }
        : problemCounts(daemon);
    });
    const sum = (key: "critical" | "warnings") => counts.reduce((total, one) => total + (one[key] ?? 0), 0);
    return { critical: sum("critical"), warnings: sum("warnings") };
  },
);

/** The API of what is shown. */
export const api: ReadCell<ApiClient> = computed(() => new ApiClient(transport, peer.value));

/** Whether the person may change something here. */
export const mayChange: ReadCell<boolean> = computed(() => {
  const you = model.value.info?.you;
  // A daemon of another version may not say who asks: it refuses by itself.
  return peer.value === null && (you === undefined || you !== null && you.role !== "viewer");
});

/** Words of the search box; what has all of them is shown. */
export const words: ReadCell<readonly string[]> = computed(() =>
  query.value.toLowerCase().split(/\s+/).filter((word) => word !== "")
);

/** Backends that the search and the chips leave. */
export const shownBackends: ReadCell<readonly PageBackend[]> = computed(() => {
  return [...model.value.backends.values()].filter((backend) => {
    if (stateFilter.value !== "" && backend.state !== stateFilter.value) return false;
    const places = backend.frontends.map(({ frontend, pool }) => `${frontend} ${pool}`).join(" ");
    const text = `${backend.name} ${backend.address} ${backend.state} ${backend.healthcheck ?? ""} ${places}`
      .toLowerCase();
    return words.value.every((word) => text.includes(word));
  });
});

/** The page is drawn at most so often, in ms, however many events come. */
const frameMs = 16;
let next: Model = emptyModel;
let due = false;

/** Changes the model; the page shows it with the next frame. */
function update(change: (model: Model) => Model): void {
  next = change(next);
  if (due) return;
  due = true;
  // Not an animation frame: a page in the background has none, and its title must still tell trouble.
  setTimeout(() => {
    due = false;
    model.value = next;
  }, frameMs);
}

/** Takes a token and reads everything with it. */
export function logIn(given: string): void {
  sessionSettings.set(tokenKey, given);
  token.value = given;
  live?.restart();
  others?.start();
}

/** Forgets everything that was read, and what is open on it. */
function forget(): void {
  update(() => emptyModel);
  opened.value = null;
  asked.value = null;
  cursor.value = null;
  notice.value = "";
  reading.value = reading.peek() + 1;
}

/** Forgets the token. */
export function logOut(): void {
  sessionSettings.remove(tokenKey);
  token.value = null;
  forget();
  live?.restart();
}

/** Reads the plan, which reads VPP; a refusal is shown where the plan is. */
export async function readPlan(): Promise<void> {
  const asking = reading.peek();
  let read: Partial<Model>;
  try {
    read = { plan: acceptPlan(await api.value.plan(AbortSignal.timeout(10_000))), planTrouble: "" };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    read = { planTrouble: error.message };
  }
  if (asking === reading.peek()) update((now) => ({ ...now, ...read }));
}

/** Reads these soon, e.g. after an action. */
export function readAgain(resources: readonly Resource[]): void {
  live?.read(resources);
}

/** Starts everything; called once. */
export function start(): void {
  tokenOfAddress();
  token.value = sessionSettings.get(tokenKey);
  effect(() => {
    const client = api.value;
    live?.stop();
    forget();
    live = new Live({ api: client, clock, update });
    live.start();
  });
  others = new Others({
    transport,
    clock,
    shown: () => peer.peek(),
    update: (known) => daemons.value = known,
  });
  // Another start of the daemon may have other peers.
  const startedAt = computed(() => model.value.info?.started_at);
  effect(() => {
    void startedAt.value;
    others?.start();
  });
  effect(() => {
    const search = new URLSearchParams();
    if (query.value !== "") search.set("q", query.value);
    if (stateFilter.value !== "") search.set("state", stateFilter.value);
    if (peer.value !== null) search.set("peer", peer.value);
    const text = search.toString();
    history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
  });
  effect(() => {
    localSettings.set(themeKey, theme.value);
    document.documentElement.dataset.theme = theme.value;
  });
  let last = Date.now();
  setInterval(() => {
    const at = Date.now();
    // Timers stand still while a computer sleeps: what the page shows is old then.
    if (at - last > 10_000) live?.restart();
    last = at;
    now.value = at;
  }, 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) now.value = Date.now();
  });
}

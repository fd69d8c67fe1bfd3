import type * as api from "../../api/mod.ts";
import type { Failure } from "../client.ts";
import { type Call, complain, type Context, fail, type FullScreen, type Run, viewOf } from "../context.ts";
import { exit, type ExitCode } from "../exit.ts";
import type { Command } from "../grammar.ts";
import { backendLines } from "../render/backends.ts";
import { downQuestion, notKnown } from "../render/consequences.ts";
import type { Shape } from "../shape.ts";
import type { KeySource } from "../shell/keys.ts";
import * as shapes from "../shapes/mod.ts";
import { layout } from "../table.ts";
import type { Line } from "../text.ts";
import { pageSize, screenLines, type Size, type TopHead } from "../top/render.ts";
import { arrange, packetRates, type Row, rowsOf } from "../top/rows.ts";
import { knowsNoDryRun } from "./act.ts";
import { firstState, press, type TopEffect, type TopState } from "../top/state.ts";

/** The screen is drawn anew so often. */
const everyMs = 1_000;
/** Counters and problems are asked for so often: the daemon reads VPP's counters every 5 s. */
const slowMs = 2_000;
/** A daemon that is slower than this is away, as far as a screen that should be of now is concerned. */
const patienceMs = 5_000;

/** What `top` knows of the daemon. */
interface Known {
  backends: api.Backend[];
  frontends: api.Frontend[];
  rates: Map<string, number>;
  counters: api.LbCounters | null;
  problems: api.ProblemList | null;
  node: string;
  readAt: number | null;
  trouble: string;
  /** The selected backend in full. */
  detail: api.Backend | null;
}

/** Asks the daemon, again and again, and keeps what it said. */
class Source {
  readonly known: Known = {
    backends: [],
    frontends: [],
    rates: new Map(),
    counters: null,
    problems: null,
    node: "",
    readAt: null,
    trouble: "",
    detail: null,
  };
  readonly #context: Context;
  #slowAt = -Infinity;

  constructor(context: Context) {
    this.#context = context;
  }

  async #get<T>(path: string, shape: Shape<T>) {
    const { client, signal } = this.#context;
    return await client.json({ path, signal, timeoutMs: patienceMs }, shape);
  }

  /** Asks for everything that is due. `detail`: name of the backend that is looked at; null: none. */
  async read(detail: string | null): Promise<Failure | null> {
    const { world } = this.#context;
    const slow = world.ticks() - this.#slowAt >= slowMs;
    const [backends, frontends, one] = await Promise.all([
      this.#get("/v1/backends", shapes.backendList),
      this.#get("/v1/frontends", shapes.frontendList),
      detail === null ? null : this.#get(`/v1/backends/${encodeURIComponent(detail)}`, shapes.backend),
      slow ? this.#readSlow() : null,
    ]);
    const { known } = this;
    const failure = !backends.ok ? backends.error : !frontends.ok ? frontends.error : null;
    if (!backends.ok || !frontends.ok) {
      known.trouble = failure === null || failure.kind === "interrupted" ? "" : failure.message;
      return failure;
    }
    known.backends = backends.value.value.backends;
    known.frontends = frontends.value.value.frontends;
    known.detail = one?.ok ? one.value.value : null;
    known.readAt = world.now();
    known.trouble = "";
    return null;
  }

  /** What the screen can do without: VPP may be away. */
  async #readSlow(): Promise<void> {
    const { known } = this;
    this.#slowAt = this.#context.world.ticks();
    const [counters, problems, info] = await Promise.all([
      this.#get("/v1/vpp/lb/counters", shapes.lbCounters),
      this.#get("/v1/problems", shapes.problemList),
      known.node === "" ? this.#get("/v1/info", shapes.info) : null,
    ]);
    if (info?.ok) known.node = info.value.value.node;
    known.problems = problems.ok ? problems.value.value : null;
    const next = counters.ok ? counters.value.value : null;
    if (next === null || next.read_at !== known.counters?.read_at) {
      known.rates = packetRates(known.counters, next);
      known.counters = next;
    }
  }
}

/** What a request for an action answers, as a line to show. */
async function act(
  { client, signal }: Context,
  { backend, verb }: { readonly backend: string; readonly verb: "pause" | "resume" },
  dry: boolean,
): Promise<{ readonly message: string; readonly ok: boolean }> {
  const path = `/v1/backends/${encodeURIComponent(backend)}/${verb}${dry ? "?dry_run=true" : ""}`;
  const answer = await client.json({ method: "POST", path, signal }, shapes.backend);
  if (!answer.ok) {
    if (dry && knowsNoDryRun(answer.error)) return { message: `${verb} ${backend}: ${notKnown}?`, ok: true };
    return { message: answer.error.kind === "interrupted" ? "" : answer.error.message, ok: false };
  }
  const { consequences } = answer.value.value;
  if (!dry || consequences?.dry_run !== true) return { message: `${backend}: ${verb} is done`, ok: !dry };
  const question = downQuestion(consequences, verb === "pause");
  return { message: `${verb} ${backend}${question === null ? "" : `: ${question}`}?`, ok: true };
}

/** The screen, from keys and answers. */
class Top {
  readonly #context: Context;
  readonly #keys: KeySource;
  readonly #screen: FullScreen;
  readonly #source: Source;
  #state: TopState;

  constructor(
    context: Context,
    keys: KeySource,
    screen: FullScreen,
    source: Source,
    frontend: string | null,
  ) {
    this.#context = context;
    this.#keys = keys;
    this.#screen = screen;
    this.#source = source;
    this.#state = firstState(frontend);
  }

  #size(): Size {
    const { width, height } = this.#context.out;
    return { columns: width ?? 80, rows: height ?? 24 };
  }

  #rows(): { readonly all: Row[]; readonly shown: Row[] } {
    const { backends, frontends, rates } = this.#source.known;
    const all = rowsOf(backends, frontends, rates, this.#state.frontend);
    return { all, shown: arrange(all, this.#state) };
  }

  #draw(): void {
    const { known } = this.#source;
    const { all, shown } = this.#rows();
    const head: TopHead = known;
    const view = viewOf(this.#context);
    const size = this.#size();
    const detail: Line[] = known.detail === null
      ? []
      : layout(backendLines(known.detail, view), size.columns);
    this.#screen.draw(screenLines(head, all, shown, this.#state, detail, size, view));
  }

  async #do(effect: TopEffect): Promise<void> {
    if (effect.kind === "redraw") this.#screen.forget(effect.left);
    if (effect.kind !== "try" && effect.kind !== "do") return;
    const { message, ok } = await act(this.#context, effect, effect.kind === "try");
    this.#state = effect.kind === "try" && ok
      ? { ...this.#state, mode: "asking", message, action: { backend: effect.backend, verb: effect.verb } }
      : { ...this.#state, message };
  }

  /** Reads and draws until the user leaves. */
  async loop(): Promise<ExitCode> {
    const { world, signal } = this.#context;
    let reading: Promise<unknown> | null = null;
    let due = world.ticks();
    while (!signal.aborted) {
      using wake = new Wake(signal);
      if (reading === null && world.ticks() >= due) {
        due = world.ticks() + everyMs;
        const { mode, selected } = this.#state;
        reading = this.#source.read(mode === "detail" ? selected : null).then(() => reading = null);
      }
      // Woken by the answer, or when the next one is due.
      if (reading !== null) void reading.then(() => wake.now());
      else void world.pause(Math.max(0, due - world.ticks()), wake.signal).then(() => wake.now());
      this.#draw();
      const key = await this.#keys.next(wake.signal);
      if (key === null) continue;
      const { shown } = this.#rows();
      const frontends = this.#source.known.frontends.map(({ name }) => name);
      const before = this.#state;
      const pressed = press(before, key, shown, frontends, pageSize(this.#size()));
      this.#state = pressed.state;
      if (pressed.effect.kind === "quit") break;
      if (before.mode !== pressed.state.mode || pressed.effect.kind === "do") due = world.ticks();
      if (before.mode !== "detail" && pressed.state.mode === "detail") this.#source.known.detail = null;
      await this.#do(pressed.effect);
    }
    await reading;
    return exit.done;
  }
}

/** Ends one wait for a key. */
class Wake implements Disposable {
  readonly #stop = new AbortController();
  readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  now(): void {
    this.#stop.abort();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}

/** Columns and rows of a screen that is printed once. */
const printedSize = { columns: 132, rows: 10_000 };

async function top(call: Call, context: Context): ReturnType<Run> {
  const { out, keys, signal, client } = context;
  if (context.json) {
    const answer = await client.json({ path: "/v1/backends", signal }, shapes.backendList);
    if (!answer.ok) return await fail(call, context, answer.error);
    out.json(answer.value.text);
    return exit.done;
  }
  const source = new Source(context);
  // The first answer comes before the terminal is taken: a daemon that is away is an error like any other.
  const failure = await source.read(null);
  if (failure !== null) return await fail(call, context, failure);
  const frontend = call.optional("frontend");
  if (frontend !== null && !source.known.frontends.some(({ name }) => name === frontend)) {
    const known = source.known.frontends.map(({ name }) => name).join(", ");
    complain(context, `there is no frontend "${frontend}"\nthere are: ${known}`);
    return exit.failed;
  }
  if (out.fullScreen === null || keys === null) {
    const all = rowsOf(source.known.backends, source.known.frontends, source.known.rates, frontend);
    const state = firstState(frontend);
    const size = { columns: out.width ?? printedSize.columns, rows: printedSize.rows };
    const lines = screenLines(source.known, all, arrange(all, state), state, [], size, viewOf(context));
    // The last line is about keys.
    const used = lines.slice(0, -1).filter((text) => text.length > 0);
    out.print(used.map((text) => ({ verbatim: text })));
    return exit.done;
  }
  using screen = out.fullScreen();
  return await new Top(context, keys, screen, source, frontend).loop();
}

/** The live view. */
export const topCommands: readonly Command<Run>[] = [{
  syntax: "top [frontend <frontend>]",
  help: "all backends, the worst first, drawn anew each second",
  notes:
    "Keys: `/` filters by name, state and reason, `s` sorts, `f` shows one frontend, Enter shows one backend, `p` pauses or resumes it after a question, `q` leaves. Each character of LAST 60 is one probe or a few, the newest last: the higher the slower, `✖` failed. SHARE is the largest among its frontends. Without a terminal it is printed once.",
  live: true,
  run: top,
}];

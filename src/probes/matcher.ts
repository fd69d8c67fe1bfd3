/**
 * Matches long bodies on a thread of its own, one after the other.
 *
 * @module
 */
import { startThread, type ThreadLack } from "../async/thread.ts";
import type { BodyPattern } from "./body.ts";
import { lackForThread } from "./socket.ts";

/** Has the matcher's thread search a body. */
export interface MatchRequest {
  /** Pattern in Go's syntax. */
  readonly expression: string;
  /** Octets to search. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** To the matcher's thread: first of all whether it hears. */
export type MatchQuestion = "call" | MatchRequest;

/** From the matcher's thread: "ready" to the call, then for each request whether the body matched. */
export type MatchAnswer = "ready" | boolean;

/** What becomes of a request. */
export interface MatchEvents {
  /** It left the queue; before that its backend waits for this host, and not the other way round. */
  begun(): void;
  /** It is done. */
  answer(matches: boolean): void;
}

/** Anything that matches long bodies. */
export interface Matcher {
  /** Searches a copy of `body`. Disposal takes the request back. */
  match(pattern: BodyPattern, body: Uint8Array, events: MatchEvents): Disposable;
}

interface Job {
  readonly request: MatchRequest;
  readonly events: MatchEvents;
}

/**
 * The matcher with its thread, which starts with the first body and stays.
 *
 * A thread that is not started by the main one sends and hears its first message half a second late (Deno 2.9.6), so it
 * gets no request before it has answered a call. To start another takes a second, and a match takes some tenths at most
 * (body.ts has the limit of a body, the configuration that of a pattern). So a match that is taken back runs to its end,
 * and only if somebody behind it gives up meanwhile is the thread taken for one that hangs.
 */
export class ThreadMatcher implements Matcher, Disposable {
  readonly #spawn: () => Worker;
  readonly #lack: () => ThreadLack | null;
  readonly #queue = new Set<Job>();
  #worker: Worker | null = null;
  #ready = false;
  #running: Job | null = null;
  /** Whether nobody wants the answer of the running one. */
  #abandoned = false;

  /** `spawn` makes a worker of `matcher_worker.ts`; `lack` tells what is missing for its thread. */
  constructor(
    spawn = (): Worker => new Worker(new URL("./matcher_worker.ts", import.meta.url), { type: "module" }),
    lack: () => ThreadLack | null = lackForThread,
  ) {
    this.#spawn = spawn;
    this.#lack = lack;
  }

  /** Requests that are not answered yet. */
  get pending(): number {
    return this.#queue.size + (this.#running === null ? 0 : 1);
  }

  /** Queues a request. */
  match(pattern: BodyPattern, body: Uint8Array, events: MatchEvents): Disposable {
    const job: Job = { request: { expression: pattern.expression, body: new Uint8Array(body) }, events };
    this.#queue.add(job);
    this.#next();
    return { [Symbol.dispose]: () => this.#takeBack(job) };
  }

  /** Ends the thread; nothing is answered any more. */
  [Symbol.dispose](): void {
    this.#queue.clear();
    this.#endThread();
  }

  #next(): void {
    const [job] = this.#queue;
    if (this.#running !== null || job === undefined) return;
    // Asked again with the next request; until then what waits here is excused, and in the end void.
    const worker = this.#worker ?? this.#start();
    if (worker === null || !this.#ready) return;
    this.#queue.delete(job);
    this.#running = job;
    job.events.begun();
    this.#ask(worker, job.request);
  }

  #start(): Worker | null {
    const worker = startThread(this.#spawn, this.#lack);
    if (typeof worker === "string") return null;
    this.#worker = worker;
    this.#ready = false;
    worker.onmessage = ({ data }: MessageEvent<MatchAnswer>) => {
      if (data === "ready") this.#ready = true;
      else this.#answer(data);
      this.#next();
    };
    // A defect there costs the backend whose body ran into it its verdict, and no other.
    worker.onerror = (event) => {
      event.preventDefault();
      this.#endThread();
      this.#next();
    };
    this.#ask(worker, "call");
    return worker;
  }

  #ask(worker: Worker, question: MatchQuestion): void {
    worker.postMessage(question, question === "call" ? [] : [question.body.buffer]);
  }

  #answer(matches: boolean): void {
    const job = this.#abandoned ? null : this.#running;
    this.#running = null;
    this.#abandoned = false;
    job?.events.answer(matches);
  }

  #takeBack(job: Job): void {
    if (this.#running === job) this.#abandoned = true;
    else if (this.#queue.delete(job) && this.#abandoned) {
      this.#endThread();
      this.#next();
    }
  }

  #endThread(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#running = null;
    this.#abandoned = false;
  }
}

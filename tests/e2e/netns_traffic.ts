import { lines } from "../../src/lines.ts";
import { project } from "./harness.ts";
import type { Segment } from "./netns.ts";
import type { Order, Outcome } from "./netns_client.ts";
import type { TestVpp } from "./netns_vpp.ts";

/** One request of the client, and what came of it. */
export interface Request extends Omit<Outcome, "id"> {
  readonly vip: string;
  /** Monotonic time when it was sent, in ms. */
  readonly sentAt: number;
}

/** Pause between two requests, in ms. */
const pauseMs = 10;

/** A client that sends one request after the other to the VIPs in turn, each on a new connection, until it is disposed. */
export class Traffic implements AsyncDisposable {
  readonly #vpp: TestVpp;
  readonly #vips: readonly string[];
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #answers: AsyncGenerator<string>;
  readonly #loop: Promise<void>;
  #waiting = Promise.withResolvers<void>();
  #held: Promise<void> | null = null;
  #underWay: Promise<void> = Promise.resolve();
  #ended = false;
  /** Every request so far. */
  readonly requests: Request[] = [];

  /** Begins on `host`. */
  constructor(segment: Segment, host: string, vpp: TestVpp, vips: readonly string[]) {
    this.#vpp = vpp;
    this.#vips = vips;
    const options = { stdin: "piped", stdout: "piped" } as const;
    const program = project("tests/e2e/netns_client.ts");
    this.#child = segment.command(host, Deno.execPath(), options, "run", "-A", program).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#answers = lines(this.#child.stdout);
    this.#loop = this.#run();
  }

  /** Resolves when `count` more requests have been answered, or not. */
  async more(count: number): Promise<void> {
    const wanted = this.requests.length + count;
    while (this.requests.length < wanted) {
      if (this.#ended) throw new Error("the client has ended");
      await this.#waiting.promise;
    }
  }

  /** Runs `action` while no connection is open. */
  async hold<T>(action: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    await this.#underWay;
    try {
      return await action();
    } finally {
      this.#held = null;
      resolve();
    }
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#loop;
    await this.#stdin.close();
    for await (const _ of this.#answers) { /* nothing is left but the end */ }
    await this.#child.status;
  }

  async #run(): Promise<void> {
    for (let id = 0; !this.#ended; id++) {
      while (this.#held !== null) await this.#held;
      this.#underWay = this.#send(id, this.#vips[id % this.#vips.length] ?? "");
      await this.#underWay;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    this.#waiting.resolve();
  }

  async #send(id: number, vip: string): Promise<void> {
    const sentAt = performance.now();
    const address = this.#vpp.target(vip);
    if (address === null) return this.#note({ vip, sentAt, server: null, error: "VPP forwards it nowhere" });
    const order: Order = { id, address };
    await this.#stdin.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
    const { value, done } = await this.#answers.next();
    if (done === true) {
      this.#ended = true;
      return;
    }
    const { server, error } = JSON.parse(value) as Outcome;
    this.#note({ vip, sentAt, server, error });
  }

  #note(request: Request): void {
    this.requests.push(request);
    const { resolve } = this.#waiting;
    this.#waiting = Promise.withResolvers();
    resolve();
  }
}

/**
 * What the benchmark of a failover's speed runs on: a whole daemon in this process with a VPP, backends and clients in
 * processes of their own. It sees when the daemon takes a result, when it writes the message and when it has the answer,
 * without a change of the daemon: the socket, the counter of results and the histogram of answers are wrapped.
 *
 * @module
 */
import { Histogram } from "prom-client";
import { Metrics } from "../../src/metrics/mod.ts";
import type { Millis } from "../../src/model.ts";
import { lines } from "../../src/lines.ts";

const encoder = new TextEncoder();

/** A process of its own that runs a script; it takes lines and says lines, and ends when this one does. */
export class Helper implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: AsyncGenerator<string>;

  /** Starts `deno` with these arguments. */
  constructor(args: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = lines(this.#child.stdout);
  }

  /** Sends a line. */
  async say(line: string): Promise<void> {
    await this.#input.write(encoder.encode(`${line}\n`));
  }

  /** Resolves with its next line. */
  async hear(): Promise<string> {
    const { value } = await this.#output.next();
    if (value === undefined) throw new Error("a helper process ended");
    return value;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#output.return(undefined);
  }
}

/** Listens on every loopback address, and on 127.1.0.1… by themselves: a line `<number>` closes or opens one of these. */
const servers = `
  const accept = async (listener) => { for (;;) { try { (await listener.accept()).close(); } catch (error) {
    if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return; } } };
  const all = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  accept(all);
  const spare = Deno.listen({ hostname: "127.1.0.1", port: 0 });
  const { port } = spare.addr;
  spare.close();
  const own = new Map();
  const toggle = (number) => {
    const open = own.get(number);
    if (open !== undefined) { open.close(); own.delete(number); return; }
    const listener = Deno.listen({ hostname: "127.1.0." + number, port });
    own.set(number, listener);
    accept(listener);
  };
  for (let number = 1; number <= Number(Deno.args[0]); number++) toggle(number);
  console.log(all.addr.port + " " + port);
  let left = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const parts = (left + text).split("\\n");
    left = parts.pop();
    for (const part of parts) toggle(Number(part));
  }
  Deno.exit(0);`;

/** Asks for VPP's state all the time, each client for itself; the last line of input ends it, and it tells the answers. */
const clients = `
  let answers = 0;
  const [url, count] = Deno.args;
  for (let n = 0; n < Number(count); n++) (async () => {
    for (;;) { await (await fetch(url)).arrayBuffer(); answers++; }
  })();
  for await (const _ of Deno.stdin.readable) console.log(answers);
  Deno.exit(0);`;

/** The backends: a process that listens. */
export class Servers implements AsyncDisposable {
  readonly #helper: Helper;
  /** Port on which every loopback address answers. */
  readonly others: number;
  /** Port of those that are opened and closed. */
  readonly moving: number;

  private constructor(helper: Helper, others: number, moving: number) {
    this.#helper = helper;
    this.others = others;
    this.moving = moving;
  }

  /** Starts it with `count` servers that can be opened and closed, all open. */
  static async start(count: number): Promise<Servers> {
    const helper = new Helper(["eval", servers, "--", String(count)]);
    const [others, moving] = (await helper.hear()).split(" ").map(Number);
    return new Servers(helper, others ?? 0, moving ?? 0);
  }

  /** Closes or opens a server, 1…count. */
  async toggle(number: number): Promise<void> {
    await this.#helper.say(String(number));
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helper[Symbol.asyncDispose]();
  }
}

/** Clients that ask for `url` all the time, from a process of their own. */
export class Clients implements AsyncDisposable {
  readonly #helper: Helper;

  /** Starts them. */
  constructor(url: string, count: number) {
    this.#helper = new Helper(["eval", clients, "--", url, String(count)]);
  }

  /** Answers that they had so far. */
  async answers(): Promise<number> {
    await this.#helper.say("");
    return Number(await this.#helper.hear());
  }

  /** Ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helper[Symbol.asyncDispose]();
  }
}

/** So long the main thread of this process was ready to run and had no processor since its start, in ms. */
function waitedMs(): Millis {
  return Number(Deno.readTextFileSync(`/proc/${Deno.pid}/task/${Deno.pid}/schedstat`).split(" ")[1]) / 1e6;
}

/** When the daemon of this process took results, wrote to VPP, and had its answers. */
export class Watch {
  /** Monotonic time of the last result, and how long the thread had waited for a processor by then; by backend. */
  readonly taken = new Map<string, { readonly at: Millis; readonly waited: Millis }>();
  /** From a result to the write of its first message, in ms. */
  readonly written: Millis[] = [];
  /** The same without the time in which the thread waited for a processor. */
  readonly running: Millis[] = [];
  /** From a result to VPP's answer for a frontend, in ms, as the daemon's own metric has it. */
  readonly answered: Millis[] = [];
  /** Results that were not written yet, by the last octet of the server's address. */
  readonly #waiting = new Map<number, Millis>();

  /**
   * Watches from now on; before the daemon is started.
   *
   * @param api path of VPP's socket
   */
  constructor(api: string) {
    const { taken, answered } = this;
    const probed = Metrics.prototype.probed;
    Metrics.prototype.probed = function (backend, type, result) {
      if (backend.startsWith("m")) {
        const waited = waitedMs();
        taken.set(backend, { at: performance.now(), waited });
      }
      probed.call(this, backend, type, result);
    };
    // What a histogram's `observe` is made of when it is constructed.
    const prototype: { observeWithoutExemplar: (value: number) => void } = Histogram.prototype as never;
    const observe = prototype.observeWithoutExemplar;
    prototype.observeWithoutExemplar = function (this: { readonly name?: string }, value: number) {
      if (this.name === "maglev_transition_to_vpp_seconds") answered.push(value * 1000);
      observe.call(this as typeof prototype, value);
    };
    const connect = Deno.connect;
    const watched = async (options: Deno.ConnectOptions | Deno.UnixConnectOptions) => {
      if (!("path" in options)) return await connect(options);
      const stream = await connect(options);
      if (options.path !== api) return stream;
      const write = stream.write.bind(stream);
      stream.write = (octets: Uint8Array) => {
        const wrote = write(octets);
        this.#wrote(octets);
        return wrote;
      };
      return stream;
    };
    Deno.connect = watched as typeof Deno.connect;
  }

  /** Forgets what was seen. */
  clear(): void {
    this.written.length = this.running.length = 0;
    this.answered.length = 0;
    this.#waiting.clear();
  }

  /** Server `number` was closed or opened: the next write that names it is noted. */
  expect(number: number): void {
    this.#waiting.set(number, performance.now());
  }

  /** The write is through: the message is in the kernel. */
  #wrote(octets: Uint8Array): void {
    if (this.#waiting.size === 0) return;
    const now = performance.now();
    for (let at = octets.indexOf(127); at >= 0; at = octets.indexOf(127, at + 1)) {
      if (octets[at + 1] !== 1 || octets[at + 2] !== 0) continue;
      const number = octets[at + 3] ?? 0;
      if (!this.#waiting.delete(number)) continue;
      const taken = this.taken.get(`m${number}`);
      if (taken === undefined) continue;
      const took = now - taken.at;
      this.written.push(took);
      this.running.push(Math.max(0, took - (waitedMs() - taken.waited)));
    }
  }
}

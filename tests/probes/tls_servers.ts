import { unusedPort } from "../../src/demo/port.ts";
import type { Signed } from "./pki.ts";

/** Waits until something listens on a port of 127.0.0.1. */
export async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  throw new Error(`Nothing listens on port ${port}`);
}

/** A real `openssl s_server` that answers each request with a page; ended on disposal. */
export class OpensslServer implements AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  readonly #process: Deno.ChildProcess;

  private constructor(port: number, process: Deno.ChildProcess) {
    this.port = port;
    this.#process = process;
  }

  /** Starts it with `own`, the certificates of `chain` behind it, and further arguments. */
  static async start(
    own: Signed | null,
    args: readonly string[] = [],
    chain?: string,
  ): Promise<OpensslServer> {
    const port = unusedPort();
    const identity = own === null ? [] : ["-cert", own.cert, "-key", own.key];
    const sent = chain === undefined ? [] : ["-cert_chain", chain];
    const process = new Deno.Command("openssl", {
      args: ["s_server", "-accept", `127.0.0.1:${port}`, ...identity, ...sent, "-www", "-quiet", ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const server = new OpensslServer(port, process);
    try {
      await listening(port);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#process.status;
  }
}

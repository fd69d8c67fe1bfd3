/**
 * A web server to be health-checked in the demo. It answers 200 to everything and writes each request into
 * its own log, so that anybody can see whether probes arrive. A line `delay <ms>` on standard input makes answers late.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { lines } from "../lines.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    name: { type: "string" },
    address: { type: "string" },
    port: { type: "string" },
    log: { type: "string" },
    "until-stdin-closes": { type: "boolean" },
  },
});
const { name = "backend", address = "127.0.0.1", port = "8081", log } = values;

using logFile = log === undefined ? undefined : Deno.openSync(log, { append: true, create: true });
const encoder = new TextEncoder();
let delayMs = 0;

const server = Deno.serve({
  hostname: address,
  port: Number(port),
  onListen() {
    Deno.stdout.writeSync(encoder.encode("listening\n"));
  },
  async handler(request) {
    const { pathname } = new URL(request.url);
    const agent = request.headers.get("user-agent") ?? "-";
    logFile?.writeSync(
      encoder.encode(`${new Date().toISOString()} ${request.method} ${pathname} ${agent}\n`),
    );
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    return new Response(`${name}\n`, { headers: { "x-backend": name } });
  },
});

const stop = () => void server.shutdown();
Deno.addSignalListener("SIGTERM", stop);
Deno.addSignalListener("SIGINT", stop);
if (values["until-stdin-closes"] === true) {
  // The demo holds the other end: however it dies, this process does not outlive it.
  for await (const line of lines(Deno.stdin.readable)) {
    const ms = /^delay (\d{1,5})$/.exec(line)?.[1];
    if (ms !== undefined) delayMs = Number(ms);
  }
  await server.shutdown();
}
await server.finished;
Deno.removeSignalListener("SIGTERM", stop);
Deno.removeSignalListener("SIGINT", stop);

/** A server whose names and texts steer a terminal and carry shell code. */
import { createApp } from "../../routes/app.ts";
import { unixPeer } from "../../routes/access.ts";
import { Tokens } from "../../routes/auth.ts";
import { Bus } from "../../src/bus/mod.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import { siteNow } from "./site.ts";
import { answerOf, news } from "./site_answers.ts";
import { SiteControl } from "./site_control.ts";

/** C0, C1 and DEL, sequences that set the title and clear the screen, bidirectional controls, line separators. */
export const poison =
  "\x1b]0;owned\x07\x1b[2J\x1b[31m\r\x08\x7f\u009b31m\u202e\u2066\u2028\u200e\u061c\ufeff\u{e0041}";

/** Keys whose values are words of the API that renderers choose by. */
const words = /^(kind|state|type|status|code|protocol|level|layer|vpp|phase|change|encap|severity|from|to)$/;

/** Every text of a JSON value with the poison behind it; `all`: also words of the API, times and numbers as text. */
export function poisoned(value: unknown, all: boolean, key = ""): unknown {
  if (typeof value === "string") {
    const isFigure = /^-?[0-9]+$|^[0-9]{4}-[0-9]{2}-/.test(value) || /_ns$|_at$|^at$|^since$/.test(key);
    return all || !(words.test(key) || isFigure) ? `${value}${poison}` : value;
  }
  if (Array.isArray(value)) return value.map((item) => poisoned(item, all, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poisoned(item, all, name)]));
}

/** A server as hostile as it can be while it still answers as maglevd does. */
export interface HostileServer extends AsyncDisposable {
  /** For `--server`. */
  readonly url: string;
  /** Bodies as they were sent, newest last. */
  readonly sent: unknown[];
}

/** Answers as the site does, with poison in every text. */
export function startHostile(all: boolean): HostileServer {
  const clock = { ...systemClock, wall: () => siteNow };
  const bus = new Bus({ clock, epoch: "e1" });
  const app = createApp({
    control: new SiteControl(),
    bus,
    log: silentLog,
    clock,
    tokens: new Tokens({ table: null, local: null, hint: "" }),
  });
  const sent: unknown[] = [];
  const poison = (json: string): string => {
    const value = poisoned(JSON.parse(json), all);
    sent.push(value);
    return JSON.stringify(value);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const answer = answerOf(request.method, pathname, searchParams);
    if (answer !== null) {
      return new Response(poison(JSON.stringify(answer)), {
        headers: { "content-type": "application/json" },
      });
    }
    const response = await app.fetch(request, { peer: unixPeer("/run/api.sock") });
    if (pathname === "/v1/events") { for (const event of news) bus.announce(event); }
    const type = response.headers.get("content-type") ?? "";
    if (type.startsWith("text/event-stream")) {
      const lines = new TransformStream<string, string>({
        transform: (chunk, out) =>
          out.enqueue(chunk.replaceAll(/^data: ?(.*)$/gm, (_, json: string) => `data: ${poison(json)}`)),
      });
      const body = (response.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream()).pipeThrough(
        lines,
      )
        .pipeThrough(new TextEncoderStream());
      return new Response(body, { headers: { "content-type": type } });
    }
    const text = await response.text();
    return new Response(text === "" ? null : poison(text), {
      status: response.status,
      headers: { "content-type": type },
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    sent,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}

/**
 * How an answer goes over the wire: compressed where that pays, and with its length where there is no body.
 *
 * @module
 */
import { createGzip } from "node:zlib";
import type { Middleware } from "./env.ts";

/** Paths whose answers are large texts: 5.5 MB of metrics at 2,000 backends. */
const compressed: ReadonlySet<string> = new Set(["/metrics", "/openapi.json"]);

/** Answers below this are sent as they are, in octets. */
const leastOctets = 1024;

/** Octets that are compressed before other work gets its turn; some 0.3 ms. */
const pieceOctets = 64 * 1024;

/** A third of the time of zlib's usual level, and on metrics the same size. */
const level = 3;

/** Whether an Accept-Encoding header takes gzip. */
export function acceptsGzip(header: string | null): boolean {
  let any = false;
  for (const item of (header ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim());
    const refused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    if (name === "gzip" || name === "x-gzip") return !refused;
    if (name === "*") any = !refused;
  }
  return any;
}

/** Compresses in pieces, between which the loop goes on. */
export async function gzip(octets: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = createGzip({ level });
  const parts: Uint8Array[] = [];
  stream.on("data", (part: Uint8Array) => parts.push(part));
  const ended = new Promise<void>((resolve, reject) => {
    stream.on("end", () => resolve());
    stream.on("error", reject);
  });
  for await (const part of octets) {
    for (let at = 0; at < part.length; at += pieceOctets) {
      const piece = part.subarray(at, at + pieceOctets);
      await new Promise<void>((resolve) => stream.write(piece, () => resolve()));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  stream.end();
  await ended;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function* joined<T>(head: readonly T[], rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield* head;
  yield* { [Symbol.asyncIterator]: () => rest };
}

/** Compresses the large texts for clients that take gzip. */
export const compressLarge: Middleware = async (c, next) => {
  await next();
  if (!compressed.has(c.req.path) || c.res.status !== 200) return;
  c.res.headers.append("vary", "accept-encoding");
  if (!acceptsGzip(c.req.raw.headers.get("accept-encoding"))) return;
  const { body, headers } = c.res;
  if (body === null) return;
  const pieces = body[Symbol.asyncIterator]();
  const head: Uint8Array<ArrayBuffer>[] = [];
  let octets = 0;
  while (octets < leastOctets) {
    const { done, value } = await pieces.next();
    if (done === true) {
      c.res = new Response(new Blob(head), { headers });
      return;
    }
    head.push(value);
    octets += value.length;
  }
  headers.set("content-encoding", "gzip");
  headers.delete("content-length");
  c.res = new Response(await gzip(joined(head, pieces)), { headers });
};

/** Gives the answer to a HEAD the length that GET's body has. */
export const lengthForHead: Middleware = async (c, next) => {
  await next();
  if (c.req.method !== "HEAD" || c.res.body === null) return;
  const { status, headers } = c.res;
  const { byteLength } = await c.res.arrayBuffer();
  headers.set("content-length", String(byteLength));
  c.res = new Response(null, { status, headers });
};

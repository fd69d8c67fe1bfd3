/**
 * One probe of a VIP: a new connection, optionally TLS, optionally one HTTP/1.1 request whose head is read.
 *
 * @module
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { headEnd, hostHeader, NO_STATUS_LINE, parseHead } from "../../net/http1.ts";
import { errorText } from "../client.ts";

/** What to probe and how. */
export interface Target {
  /** IP address of the VIP. */
  readonly address: string;
  /** 1…65535. */
  readonly port: number;
  /** Null: connect only. */
  readonly path: string | null;
  /** Value of the Host header, and the name to send and check with TLS; null: the address. */
  readonly host: string | null;
  /** Name of the response header to report. */
  readonly header: string;
  /** Whether to speak TLS, and whether a bad certificate is a failure. */
  readonly tls: "off" | "verify" | "insecure";
  /** Limit for all phases together, in milliseconds. */
  readonly timeoutMs: number;
  /** Value of the User-Agent header. */
  readonly userAgent: string;
}

/** What came of one probe. */
export interface Attempt {
  /** Connected, and if a path was asked for, answered with 200…399. */
  readonly ok: boolean;
  /** From the start to the connection, or to the end of the response's head, in milliseconds. */
  readonly ms: number;
  /** Value of the response header; null if there was none, or no response. */
  readonly header: string | null;
  /** Why it failed, "" if it did not. */
  readonly detail: string;
}

/** Octets of a response's head that are read at most. */
const headLimit = 16 * 1024;

/** The name for TLS: a host without its port, null if it is an address. */
function tlsName(host: string | null): string | null {
  const name = host?.replace(/:[0-9]+$/, "") ?? "";
  return name === "" || isIP(name.replace(/^\[|\]$/g, "")) !== 0 ? null : name;
}

/** What came before and the next octets. */
function joined(before: Uint8Array, next: Uint8Array): Uint8Array {
  const all = new Uint8Array(before.length + next.length);
  all.set(before);
  all.set(next, before.length);
  return all;
}

/** What a whole head says: the status and one field; a sentence if it is none. */
function readHead(octets: Uint8Array, header: string): { status: number; header: string | null } | string {
  const head = parseHead(octets, [header.toLowerCase()]);
  if ("status" in head) return { status: head.status, header: head.fields[0] ?? null };
  return head.malformed === NO_STATUS_LINE
    ? "the answer is no HTTP/1 response"
    : `the answer is no HTTP/1 response: ${head.malformed}`;
}

function open(target: Target): Socket {
  const { address: host, port } = target;
  if (target.tls === "off") return connectTcp({ host, port });
  const servername = tlsName(target.host);
  return connectTls({
    host,
    port,
    ...(servername === null ? {} : { servername }),
    rejectUnauthorized: target.tls === "verify",
  });
}

/**
 * Probes once. Never rejects: whatever goes wrong is the result.
 *
 * @param ticks monotonic time in milliseconds
 */
export function attempt(target: Target, ticks: () => number, signal: AbortSignal): Promise<Attempt> {
  const { promise, resolve } = Promise.withResolvers<Attempt>();
  const began = ticks();
  const socket = open(target);
  let head: Uint8Array = new Uint8Array();
  const finish = (ok: boolean, header: string | null, detail: string) => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
    resolve({ ok, ms: ticks() - began, header, detail });
  };
  const onAbort = () => finish(false, null, "interrupted");
  const timer = setTimeout(
    () =>
      finish(
        false,
        null,
        `no ${head.length === 0 ? "answer" : "whole answer"} within ${target.timeoutMs / 1000} s`,
      ),
    target.timeoutMs,
  );
  signal.addEventListener("abort", onAbort, { once: true });
  socket.on("error", (error) => finish(false, null, errorText(error)));
  socket.on("close", () => finish(false, null, "closed without an answer"));
  socket.on(target.tls === "off" ? "connect" : "secureConnect", () => {
    if (target.path === null) return finish(true, null, "");
    const host = hostHeader(target.tls !== "off", target.address, target.port, target.host);
    socket.write(
      `GET ${target.path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${target.userAgent}\r\n` +
        "Accept: */*\r\nConnection: close\r\n\r\n",
    );
  });
  socket.on("data", (chunk: Uint8Array) => {
    const before = head.length;
    head = joined(head, chunk);
    const end = headEnd(head, before);
    if (end < 0) {
      if (head.length > headLimit) finish(false, null, "the response's head is over 16 KiB");
      return;
    }
    const read = readHead(head.subarray(0, end), target.header);
    if (typeof read === "string") return finish(false, null, read);
    const good = read.status >= 200 && read.status < 400;
    finish(good, read.header, good ? "" : `HTTP ${read.status}`);
  });
  return promise;
}

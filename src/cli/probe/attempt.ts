/**
 * One probe of a VIP: a new connection, optionally TLS, optionally one HTTP/1.1 request whose head is read.
 *
 * @module
 */
import { headEnd, hostHeader, NO_STATUS_LINE, parseHead } from "../../net/http1.ts";
import { parseIp } from "../../net/ip.ts";
import { failureText } from "../failure_text.ts";
import type { Wire } from "./any_certificate.ts";

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
  /** PEM certificates of more CAs to trust than those that Deno trusts. */
  readonly caCerts: readonly string[];
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
  return name === "" || parseIp(name.replace(/^\[|\]$/g, "")) !== null ? null : name;
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

/**
 * Connects, and shakes hands if TLS is wanted.
 *
 * @param opened called with each connection as soon as it must be closed
 */
async function open(
  target: Target,
  signal: AbortSignal,
  opened: (wire: Pick<Wire, "close">) => void,
): Promise<Wire> {
  const { address: hostname, port } = target;
  const servername = tlsName(target.host);
  if (target.tls === "insecure") {
    // Loaded only here: nothing else may have use for it.
    const { connectToAny } = await import("./any_certificate.ts");
    return await connectToAny({ hostname, port, servername }, opened);
  }
  const plain = await Deno.connect({ hostname, port, signal });
  opened(plain);
  if (target.tls === "off") return plain;
  const wire = await Deno.startTls(plain, { hostname: servername ?? hostname, caCerts: [...target.caCerts] });
  opened(wire);
  await wire.handshake();
  return wire;
}

/** Asks for the path and reads the head of the answer. */
async function ask(target: Target, wire: Wire, partly: () => void): Promise<Omit<Attempt, "ms">> {
  const host = hostHeader(target.tls !== "off", target.address, target.port, target.host);
  const request = new TextEncoder().encode(
    `GET ${target.path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${target.userAgent}\r\n` +
      "Accept: */*\r\nConnection: close\r\n\r\n",
  );
  for (let at = 0; at < request.length;) at += await wire.write(request.subarray(at));
  const buffer = new Uint8Array(headLimit);
  let head: Uint8Array = new Uint8Array();
  for (;;) {
    const count = await wire.read(buffer);
    if (count === null) return { ok: false, header: null, detail: "closed without an answer" };
    partly();
    const before = head.length;
    head = joined(head, buffer.subarray(0, count));
    const end = headEnd(head, before);
    if (end >= 0) {
      const read = readHead(head.subarray(0, end), target.header);
      if (typeof read === "string") return { ok: false, header: null, detail: read };
      const good = read.status >= 200 && read.status < 400;
      return { ok: good, header: read.header, detail: good ? "" : `HTTP ${read.status}` };
    }
    if (head.length > headLimit) {
      return { ok: false, header: null, detail: "the response's head is over 16 KiB" };
    }
  }
}

/**
 * Probes once. Never rejects: whatever goes wrong is the result.
 *
 * @param ticks monotonic time in milliseconds
 */
export async function attempt(target: Target, ticks: () => number, signal: AbortSignal): Promise<Attempt> {
  const began = ticks();
  const limit = AbortSignal.timeout(target.timeoutMs);
  const stop = AbortSignal.any([limit, signal]);
  const wires: Pick<Wire, "close">[] = [];
  let progress = "answer";
  const close = () => {
    for (const wire of wires.splice(0)) closeQuietly(wire);
  };
  stop.addEventListener("abort", close, { once: true });
  const result = (ok: boolean, header: string | null, detail: string) => ({
    ok,
    ms: ticks() - began,
    header,
    detail,
  });
  try {
    const wire = await open(
      target,
      stop,
      (opened) => stop.aborted ? closeQuietly(opened) : wires.push(opened),
    );
    if (target.path === null) return result(true, null, "");
    const { ok, header, detail } = await ask(target, wire, () => progress = "whole answer");
    return result(ok, header, detail);
  } catch (error) {
    if (signal.aborted) return result(false, null, "interrupted");
    if (limit.aborted) return result(false, null, `no ${progress} within ${target.timeoutMs / 1000} s`);
    return result(false, null, failureText(error));
  } finally {
    stop.removeEventListener("abort", close);
    close();
  }
}

function closeQuietly(wire: Pick<Wire, "close">): void {
  try {
    wire.close();
  } catch (error) {
    // A connection that was handed on to TLS, or that has failed, is closed already.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

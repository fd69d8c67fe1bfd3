/**
 * JSON of etcd's gateway: keys and values are base64, numbers of 64 bits are decimal strings, and what has its default
 * value is left out. This file alone knows that. Pure.
 *
 * @module
 */
import type { UnixMillis } from "../model.ts";
import { type KeyValue, StoreError, type StoreHead } from "./store.ts";

/** A key with its value, encoded. */
export type RawKv = Readonly<Partial<Record<"key" | "value" | "mod_revision", string>>>;

/** What a call answers. */
export type RawAnswer = Readonly<
  Partial<{
    header: Readonly<Partial<Record<"cluster_id" | "revision", string>>>;
    kvs: readonly RawKv[];
    succeeded: boolean;
    responses: readonly { readonly response_range?: { readonly kvs?: readonly RawKv[] } }[];
    ID: string;
    TTL: string;
    token: string;
  }>
>;

/** One line of a watch. */
export type RawWatch = Readonly<
  Partial<{
    result: {
      readonly canceled?: boolean;
      readonly cancel_reason?: string;
      readonly compact_revision?: string;
      readonly events?: readonly { readonly type?: string; readonly kv?: RawKv }[];
    };
    error: { readonly message?: string };
  }>
>;

/** Codes of gRPC that the gateway passes on. */
const grpc = { deadline: 4, denied: 7, exhausted: 8, precondition: 9, unavailable: 14, unauthenticated: 16 };

/** Errors of the gateway as failures. Texts are etcd's own; gRPC codes alone do not tell them apart. */
export function failureOf(
  status: number,
  { code, error, message }: { readonly code?: number; readonly message?: string; readonly error?: string },
): StoreError {
  const text = message ?? error ?? `HTTP ${status}`;
  if (/invalid auth token|user name is empty|authentication failed|invalid user/i.test(text)) {
    return login(text);
  }
  if (/permission denied/i.test(text) || code === grpc.denied) {
    return new StoreError("denied", `the store gives this user no right to it: ${text}`);
  }
  if (/database space exceeded/i.test(text)) return new StoreError("full", `the store is full: ${text}`);
  if (/required revision has been compacted/i.test(text)) return new StoreError("compacted", text);
  if (/no leader|leader changed|request timed out/i.test(text) || code === grpc.unavailable) {
    return new StoreError("no-leader", text);
  }
  if (code === grpc.unauthenticated || status === 401) return login(text);
  return new StoreError("answer", text);
}

function login(text: string): StoreError {
  return new StoreError("login", `the store does not accept the user or the password: ${text}`);
}

/** What a call threw as a failure; anything else is thrown again. */
export function asFailure(error: unknown, signal: AbortSignal): StoreError {
  if (signal.aborted && signal.reason instanceof StoreError) return signal.reason;
  if (error instanceof StoreError) return error;
  if (!isNetworkError(error)) throw error;
  return new StoreError("unreachable", messageOf(error));
}

/** What `fetch` and its bodies throw where the other side or the way to it fails. */
export function isNetworkError(error: unknown): boolean {
  return error instanceof TypeError || error instanceof Deno.errors.Http ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.Interrupted ||
    error instanceof DOMException;
}

/** An error in words: `fetch` says only that it failed, and its cause says why. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? messageOf(error.cause) : error.message;
}

/** What an answer says of the store. */
export function headOf({ header = {} }: RawAnswer, date: UnixMillis | null): StoreHead {
  return { clusterId: header.cluster_id ?? "", revision: BigInt(header.revision ?? "0"), date };
}

/** A key with its value, decoded. */
export function keyValue({ key = "", mod_revision = "0", value = "" }: RawKv): KeyValue {
  return { key: decode(key), value: decode(value), modRevision: BigInt(mod_revision) };
}

/** A range of all keys with a prefix: up to the prefix with its last octet one higher. */
export function rangeOf(prefix: string): { key: string; range_end: string } {
  const octets = new TextEncoder().encode(prefix);
  const end = octets.slice();
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return { key: octets.toBase64(), range_end: end.toBase64() };
}

/** A text as the gateway wants it. */
export function encode(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

function decode(base64: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(base64));
}

/** Reads JSON. Throws a StoreError for anything else. */
export function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new StoreError("answer", `the store answered no JSON: ${JSON.stringify(text.slice(0, 60))}`);
  }
}

/**
 * What waits for the one reply to a request. There is one object for each request under way, and thousands may be:
 * what it holds is what the garbage collector moves about.
 *
 * @module
 */
import type { Millis } from "../model.ts";
import { VppRetvalError } from "./errors.ts";
import { type Call, type Head, type Message, readBody } from "./messages.ts";
import type { Waiting } from "./pending.ts";
import type { Trace } from "./trace.ts";
import { type Cursor, DecodeError } from "./wire.ts";

/** VPP's answer to one request. */
export interface Reply<R> {
  /** 0, or VPP's negative error. */
  readonly retval: number;
  /** The fields; with an error VPP may leave them senseless, and then this is null. */
  readonly body: R | null;
}

/** Waits for one reply, and tells of it. */
export abstract class OneReply<R> implements Waiting {
  readonly #trace: Trace;
  readonly #call: Call<unknown, R>;
  /** When it must be there, on the monotonic clock. */
  readonly deadlineAt: Millis;
  /** Told that no answer will come. */
  readonly reject: (reason: unknown) => void;

  /** Waits for the reply of `call`. */
  constructor(trace: Trace, call: Call<unknown, R>, deadlineAt: Millis, reject: (reason: unknown) => void) {
    this.#trace = trace;
    this.#call = call;
    this.deadlineAt = deadlineAt;
    this.reject = reject;
  }

  /** Name of the request. */
  get msg(): string {
    return this.#call.request.name;
  }

  /** The reply. */
  get expects(): Message<unknown> {
    return this.#call.reply;
  }

  /** Takes it. Throws DecodeError. */
  take({ context, retval }: Head, fields: Cursor): boolean {
    const { reply } = this.#call;
    let body: R | null = null;
    try {
      body = readBody(reply, fields);
    } catch (error) {
      if (retval === 0 || !(error instanceof DecodeError)) throw error;
    }
    this.#trace.received(reply.name, context, retval, body);
    this.settle(retval, body);
    return true;
  }

  /** What becomes of it; `body` is null where VPP left the fields senseless beside its error. */
  protected abstract settle(retval: number, body: R | null): void;
}

/** Takes every answer, an error of VPP too. */
export class AnyReply<R> extends OneReply<R> {
  readonly #resolve: (reply: Reply<R>) => void;

  /** Waits for the reply of `call`. */
  constructor(
    trace: Trace,
    call: Call<unknown, R>,
    deadlineAt: Millis,
    resolve: (reply: Reply<R>) => void,
    reject: (reason: unknown) => void,
  ) {
    super(trace, call, deadlineAt, reject);
    this.#resolve = resolve;
  }

  /** Resolves. */
  protected override settle(retval: number, body: R | null): void {
    this.#resolve({ retval, body });
  }
}

/** Takes what was asked for; an error of VPP is an exception. */
export class GoodReply<R> extends OneReply<R> {
  readonly #resolve: (body: R) => void;

  /** Waits for the reply of `call`. */
  constructor(
    trace: Trace,
    call: Call<unknown, R>,
    deadlineAt: Millis,
    resolve: (body: R) => void,
    reject: (reason: unknown) => void,
  ) {
    super(trace, call, deadlineAt, reject);
    this.#resolve = resolve;
  }

  /** Resolves, or rejects with VppRetvalError. */
  protected override settle(retval: number, body: R | null): void {
    if (retval !== 0 || body === null) this.reject(new VppRetvalError(this.msg, retval));
    else this.#resolve(body);
  }
}

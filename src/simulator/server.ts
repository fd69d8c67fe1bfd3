/**
 * The simulated API socket: sessions, the handshake, and the way of a request from its octets to its answer,
 * with whatever fault a test wants in between.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { type Message, messages, readHead, SOCKCLNT_CREATE_ID } from "../vpp/messages.ts";
import { type Cursor, DecodeError } from "../vpp/wire.ts";
import type { ApiClient } from "./cli.ts";
import type { Faults, Outcome, Recorder } from "./faults.ts";
import { Pool } from "./pool.ts";
import { Session } from "./session.ts";
import type { MessageTable } from "./table.ts";
import { type Decoded, type Handler, handlers, type SimulatedVpp } from "./vpp.ts";
import { VppCrash } from "./lbplugin.ts";

/** First descriptor number that a client gets in `show api clients`. */
const FIRST_DESCRIPTOR = 20;
/** What VPP adds to the number of a client on this socket. */
const SOCKET_CLIENTS = 0x80000000;
const DELETED = 1;
const UNKNOWN_CLIENT = -1;

interface RequestHead {
  readonly clientIndex: number;
  readonly context: number;
}

/** How a request is answered: as it comes out, not at all, or with this retval. */
type Answer = "own" | "none" | number;

/** What a server is made of. */
export interface ServerOptions {
  /** Source of time for delays. */
  readonly clock: Clock;
  /** Path of the socket, which must be free. */
  readonly path: string;
  /** What answers. */
  readonly vpp: SimulatedVpp;
  /** Ids of this run. */
  readonly table: MessageTable;
  /** What goes wrong on purpose. */
  readonly faults: Faults;
  /** Hears of every request. */
  readonly recorder: Recorder;
  /** A request ended VPP; the server goes on until it is disposed. */
  crashed(reason: string): void;
}

/** A message that was dropped, as VPP does with what it cannot read: a warning in its log, no answer. */
export interface Dropped {
  /** Id that it carried. */
  readonly id: number;
  /** E.g. that it is shorter than its definition. */
  readonly reason: string;
}

/** Serves one run of VPP on its socket. Owns the socket, not the file. */
export class ApiServer implements AsyncDisposable {
  /** Messages that were dropped. */
  readonly dropped: Dropped[] = [];

  readonly #options: ServerOptions;
  readonly #listener: Deno.Listener;
  readonly #byId = new Map<number, Handler>();
  readonly #sessions = new Pool<Session | null>();
  /** Registrations whose stream has ended and that are kept all the same. */
  readonly #dead = new Set<number>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #accepting: Promise<void>;

  /** Listens. Throws Deno.errors.AddrInUse and the like. */
  constructor(options: ServerOptions) {
    this.#options = options;
    for (const handler of handlers) {
      const id = options.table.idOf(handler.message);
      if (id !== undefined) this.#byId.set(id, handler);
    }
    // VPP's own listening socket has the first place in the pool.
    this.#sessions.take(() => null);
    // A listener of Deno removes the file it made when it is closed. A VPP that is killed leaves its file behind,
    // so the file gets its name only afterwards; whoever started the server removes it.
    const made = `${options.path}.new`;
    this.#listener = Deno.listen({ transport: "unix", path: made });
    try {
      Deno.renameSync(made, options.path);
    } catch (error) {
      this.#listener.close();
      throw error;
    }
    this.#accepting = this.#accept();
  }

  /** Clients connected now, in the order of their numbers. */
  clients(): ApiClient[] {
    return this.sessions().map(({ name, registration }) => ({
      name,
      descriptor: FIRST_DESCRIPTOR + registration,
    }));
  }

  /** Their connections, for a test to disturb. */
  sessions(): Session[] {
    return [...this.#sessions].filter((one) => one !== null);
  }

  /** How many clients are gone and kept all the same. */
  get deadClients(): number {
    return this.#dead.size;
  }

  /** Lets go of clients that left without a farewell and were kept. */
  buryDead(): void {
    for (const registration of this.#dead) this.#sessions.put(registration);
    this.#dead.clear();
  }

  /** Sends a message of VPP's own to every client. */
  broadcast<T>(message: Message<T>, body: T): void {
    const id = this.#options.table.idOf(message);
    if (id === undefined) throw new RangeError(`Cannot send ${message.name}: this VPP does not have it`);
    for (const session of this.sessions()) {
      session.send(message, { id, clientIndex: session.clientIndex }, body);
      session.flush();
    }
  }

  /** Closes the socket and every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the simulated VPP ended"));
    this.#listener.close();
    for (const session of this.sessions()) session.close();
    await this.#accepting;
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      const session = this.#sessions.take((index) =>
        new Session(conn, index, {
          payload: (session, payload) => this.#payload(session, payload),
          ended: (session) => this.#ended(session),
        })
      );
      if (session === null) throw new TypeError("Cannot happen: the listener's place was taken");
      const running = session.run().finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  #payload(session: Session, payload: Cursor): Promise<void> | void {
    const held = this.#options.faults.held;
    if (held === null) return this.#request(session, payload);
    const kept = payload.copy();
    return held.then(() => this.#request(session, kept));
  }

  #request(session: Session, from: Cursor): Promise<void> | void {
    const id = from.view.getUint16(from.at);
    try {
      if (id === SOCKCLNT_CREATE_ID) return this.#create(session, from);
      if (id === this.#options.table.idOf(messages.sockclnt_delete)) return this.#delete(from);
      const handler = this.#byId.get(id);
      if (handler === undefined) {
        this.dropped.push({ id, reason: "no handler" });
        return;
      }
      const head = readHead(handler.message, from);
      return this.#handle(session, handler, head, handler.decode(from));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.dropped.push({ id, reason: error.message });
    }
  }

  #handle(
    session: Session,
    handler: Handler,
    head: RequestHead,
    decoded: Decoded,
  ): Promise<void> | void {
    const request = { name: handler.message.name, body: decoded.body, client: session.name };
    this.#options.recorder.note(request);
    const outcome = this.#options.faults.strike(request);
    if (outcome === null) return this.#run(handler, head, decoded, "own");
    return this.#fault(outcome, session, handler, head, decoded);
  }

  #ended({ registration, farewell }: Session): void {
    if (this.#options.faults.keepDeadClients && !farewell) this.#dead.add(registration);
    else this.#sessions.put(registration);
  }

  #sessionOf(clientIndex: number): Session | null {
    return clientIndex < SOCKET_CLIENTS ? null : this.#sessions.get(clientIndex - SOCKET_CLIENTS) ?? null;
  }

  #run(handler: Handler, { clientIndex, context }: RequestHead, decoded: Decoded, answer: Answer): void {
    // The answer goes to the client whose number the request carries; without one there is none.
    const session = this.#sessionOf(clientIndex);
    const { table, vpp } = this.#options;
    try {
      decoded.run(vpp, {
        clientIndex,
        clients: () => this.clients(),
        buryDead: () => this.buryDead(),
        send: (message, retval, body) => {
          const id = table.idOf(message);
          if (answer === "none" || id === undefined) return;
          session?.send(message, { id, context, retval: answer === "own" ? retval : answer }, body);
        },
      });
    } catch (error) {
      if (!(error instanceof VppCrash)) throw error;
      this.#options.crashed(`${handler.message.name}: ${error.message}`);
    }
    session?.flush();
  }

  async #fault(
    outcome: Outcome,
    session: Session,
    handler: Handler,
    head: RequestHead,
    decoded: Decoded,
  ): Promise<void> {
    const { clock } = this.#options;
    switch (outcome.kind) {
      case "delay":
        try {
          await clock.sleep(outcome.ms, this.#stop.signal);
        } catch {
          return; // VPP ended meanwhile.
        }
        return this.#run(handler, head, decoded, "own");
      case "retval":
        return this.#refuse(session, handler, head, decoded, outcome.retval);
      case "ignore":
        return;
      case "mute":
        return this.#run(handler, head, decoded, "none");
      case "garbage":
        return session.sendOctets(outcome.octets);
      case "close":
        return session.close();
    }
  }

  /** An error in place of the answer. What has fields keeps them: VPP's replies have one size, whatever the retval. */
  #refuse(session: Session, handler: Handler, head: RequestHead, decoded: Decoded, retval: number): void {
    if (handler.rows) throw new RangeError(`Cannot refuse ${handler.message.name}: rows carry no retval`);
    if (handler.change === null) return this.#run(handler, head, decoded, retval);
    const id = this.#options.table.idOf(handler.change);
    session.send(handler.change, { id: id ?? 0, context: head.context, retval }, {});
    session.flush();
  }

  #create(session: Session, from: Cursor): void {
    const head = readHead(messages.sockclnt_create, from);
    const { name } = messages.sockclnt_create.body.read(from);
    session.name = name;
    this.#options.recorder.note({ name: "sockclnt_create", body: { name }, client: name });
    const id = this.#options.table.idOf(messages.sockclnt_create_reply) ?? 0;
    session.send(messages.sockclnt_create_reply, { id, context: head.context }, {
      response: 0,
      index: session.clientIndex,
      message_table: this.#options.table.rows,
    });
    session.flush();
  }

  #delete(from: Cursor): void {
    const head = readHead(messages.sockclnt_delete, from);
    const { index } = messages.sockclnt_delete.body.read(from);
    const asking = this.#sessionOf(head.clientIndex);
    const leaving = this.#sessionOf(index);
    this.#options.recorder.note({ name: "sockclnt_delete", body: { index }, client: asking?.name ?? null });
    const id = this.#options.table.idOf(messages.sockclnt_delete_reply) ?? 0;
    const retval = leaving === null ? UNKNOWN_CLIENT : DELETED;
    asking?.send(messages.sockclnt_delete_reply, { id, context: head.context, retval }, {});
    asking?.flush();
    leaving?.closeAfterWrites();
  }
}

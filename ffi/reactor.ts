/**
 * Readiness of raw descriptors. Events are always read by a synchronous `wait()` on the thread that handles them. So an
 * event is never handled from a stale list, and whoever must see all pending events before doing something else (a
 * deadline, say) can ask for them at that moment.
 *
 * @module
 */
import { linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { check, errno, errnoName, libc } from "./libc.ts";

/** Readable, or the peer closed (`EPOLLIN`). */
export const READABLE: number = linux.EPOLLIN;
/** Writable, or a connect ended (`EPOLLOUT`). */
export const WRITABLE: number = linux.EPOLLOUT;

const EVENT_SIZE = linux.EPOLL_EVENT_SIZE;
const DATA_OFFSET = EVENT_SIZE - 8;
const BATCH = 256;
/** One, as an eventfd counts. */
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** Makes an eventfd that is not raised. Throws ErrnoError. */
export function eventFlag(): Fd {
  return new Fd(check(libc.eventfd(0, linux.O_CLOEXEC | linux.O_NONBLOCK), "eventfd"));
}

/** Raises the eventfd `number`, which makes it readable. Throws ErrnoError. */
export function raise(number: number): void {
  check(libc.write(number, ONE, 8n), "write", "eventfd");
}

/** Lowers the eventfd `number`, whether it was raised or not. */
export function lower(number: number): void {
  libc.read(number, new Uint8Array(8), 8n);
}

/** Interest in one descriptor. Disposal ends it; do that before the descriptor is given away or closed. */
export interface Watch extends Disposable {
  /** Asks for the next event only (`READABLE`, `WRITABLE` or both); each event must be asked for again. */
  arm(events: number): void;
  /** Ends it for a descriptor that is closed next, of which the kernel lets go by itself. */
  abandon(): void;
}

interface Slot {
  /** Raised when the slot is given up, so that an event of its former owner is recognised. */
  generation: number;
  handler: ((events: number) => void) | null;
}

/** One epoll for all raw descriptors of a thread. */
export class Reactor implements Disposable {
  readonly #epoll = new Fd(check(libc.epoll_create1(linux.O_CLOEXEC), "epoll_create1"));
  readonly #slots: Slot[] = [];
  readonly #free: number[] = [];
  readonly #events = new Uint8Array(EVENT_SIZE * BATCH);
  readonly #view = new DataView(this.#events.buffer);
  readonly #request = new Uint8Array(EVENT_SIZE);
  readonly #requestView = new DataView(this.#request.buffer);
  #closed = false;

  /** Registers the descriptor `number`, which its owner keeps open; nothing is reported before `arm`. */
  watch(number: number, handler: (events: number) => void): Watch {
    const index = this.#free.pop() ?? this.#slots.push({ generation: 0, handler: null }) - 1;
    const slot = this.#slots[index];
    if (slot === undefined) throw new Error("Cannot watch a descriptor: the slot table is broken");
    slot.handler = handler;
    const { generation } = slot;
    let added = false;
    return {
      arm: (events) => {
        if (slot.generation !== generation) throw new Error("Cannot arm a watch that has ended");
        const call = added ? linux.EPOLL_CTL_MOD : linux.EPOLL_CTL_ADD;
        this.#control(call, number, events | linux.EPOLLONESHOT, index, generation);
        added = true;
      },
      abandon: () => void this.#giveUp(slot, index, generation),
      [Symbol.dispose]: () => {
        if (!this.#giveUp(slot, index, generation)) return;
        if (added && !this.#closed) this.#control(linux.EPOLL_CTL_DEL, number, 0);
      },
    };
  }

  /**
   * Handles everything that is ready; returns the number of events.
   *
   * @param ms time to wait for the first one with the whole thread; 0: only what is ready now
   */
  wait(ms: number): number {
    let total = 0;
    while (!this.#closed) {
      const count = libc.epoll_wait(this.#epoll.number, this.#events, BATCH, total === 0 ? ms : 0);
      if (count <= 0) break;
      total += count;
      this.#dispatch(count);
      if (count < BATCH) break;
    }
    return total;
  }

  /** Closes; descriptors that are still watched stay open and belong to their owners. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#epoll[Symbol.dispose]();
  }

  /** Whether the slot was still the owner's. */
  #giveUp(slot: Slot, index: number, generation: number): boolean {
    if (slot.generation !== generation) return false;
    slot.generation = (generation + 1) | 0;
    slot.handler = null;
    this.#free.push(index);
    return true;
  }

  #dispatch(count: number): void {
    // Read before the handlers run: they may wait again.
    const ready: { slot: Slot; generation: number; events: number }[] = [];
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_SIZE;
      const slot = this.#slots[this.#view.getUint32(at + DATA_OFFSET, true)];
      if (slot === undefined) continue;
      const generation = this.#view.getInt32(at + DATA_OFFSET + 4, true);
      ready.push({ slot, generation, events: this.#view.getUint32(at, true) });
    }
    for (const { slot, generation, events } of ready) {
      if (slot.generation === generation) slot.handler?.(events);
    }
  }

  #control(call: number, fd: number, events: number, index = 0, generation = 0): void {
    this.#requestView.setUint32(0, events, true);
    this.#requestView.setUint32(DATA_OFFSET, index, true);
    this.#requestView.setInt32(DATA_OFFSET + 4, generation, true);
    if (libc.epoll_ctl(this.#epoll.number, call, fd, this.#request) < 0) {
      throw new Error(`Cannot watch descriptor ${fd}: epoll_ctl: ${errnoName(errno())}`);
    }
  }
}

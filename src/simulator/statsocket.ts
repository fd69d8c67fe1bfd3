/**
 * The simulated stats socket: whoever connects gets the descriptor of the segment, and the connection is closed.
 *
 * @module
 */
import type { Fd } from "../../ffi/fd.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import { createMemfd, Mapping } from "../../ffi/mapping.ts";
import { sendFd, SeqpacketListener } from "../../ffi/passfd.ts";

/** How often waiting connections are looked for, in ms: the listener is a descriptor that no event loop watches. */
const ACCEPT_EVERY_MS = 2;

/** Memory that other processes can map. Owns the descriptor and the mapping. */
export class SharedMemory implements Disposable {
  /** The memory, zeroed at first. */
  readonly buffer: ArrayBuffer;
  /** What is handed over. */
  readonly fd: Fd;
  readonly #mapping: Mapping;

  /** Makes `size` octets of it. Throws ErrnoError. */
  constructor(size: number) {
    this.fd = createMemfd("stat segment", size);
    try {
      this.#mapping = new Mapping(this.fd, size, "write");
    } catch (error) {
      this.fd[Symbol.dispose]();
      throw error;
    }
    this.buffer = this.#mapping.buffer;
  }

  /** Unmaps it here; who mapped it elsewhere keeps it. */
  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
    this.fd[Symbol.dispose]();
  }
}

/** Serves one segment at one path. Owns the socket, not the file. */
export class StatsSocket implements Disposable {
  /** Connections that got the descriptor. */
  served = 0;

  readonly #listener: SeqpacketListener;
  readonly #fd: Fd;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Listens at a free `path`. Throws ErrnoError. */
  constructor(path: string, fd: Fd) {
    this.#listener = new SeqpacketListener(path);
    this.#fd = fd;
    this.#timer = setInterval(() => this.#accept(), ACCEPT_EVERY_MS);
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#listener[Symbol.dispose]();
  }

  #accept(): void {
    for (let conn = this.#listener.accept(); conn !== null; conn = this.#listener.accept()) {
      using client = conn;
      try {
        sendFd(client, this.#fd);
        this.served++;
      } catch (error) {
        // The client is gone again; that is its own affair.
        if (!(error instanceof ErrnoError)) throw error;
      }
    }
  }
}

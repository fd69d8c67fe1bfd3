/** Something that takes connections on many loopback addresses and one port: alive to a tcp check, dumb to any other. */
export class TcpServers implements Disposable {
  readonly #listeners = new Map<string, Deno.TcpListener>();
  readonly #counts = new Map<string, number>();
  #port = 0;

  /** Listens on these addresses. */
  constructor(addresses: readonly string[]) {
    for (const address of addresses) this.start(address);
  }

  /** Port of all of them. */
  get port(): number {
    return this.#port;
  }

  /** Connections that an address has taken so far. */
  taken(address: string): number {
    return this.#counts.get(address) ?? 0;
  }

  /** Listens on one more address, or again on one that was stopped. */
  start(address: string): void {
    void this.#serve(address, this.#listen(address));
  }

  /** The same, but what connects is never served nor let go. */
  startSilent(address: string): void {
    this.#listen(address);
  }

  /** Refuses connections from now on. */
  stop(address: string): void {
    const listener = this.#listeners.get(address);
    this.#listeners.delete(address);
    listener?.close();
  }

  /** Stops all. */
  [Symbol.dispose](): void {
    for (const address of [...this.#listeners.keys()]) this.stop(address);
  }

  #listen(address: string): Deno.TcpListener {
    const listener = Deno.listen({ hostname: address, port: this.#port });
    this.#port = listener.addr.port;
    this.#listeners.set(address, listener);
    return listener;
  }

  async #serve(address: string, listener: Deno.TcpListener): Promise<void> {
    while (this.#listeners.get(address) === listener) {
      try {
        (await listener.accept()).close();
      } catch {
        // The peer had reset the connection before it was taken, which counts; or the listener was closed.
        if (this.#listeners.get(address) !== listener) return;
      }
      this.#counts.set(address, this.taken(address) + 1);
    }
  }
}

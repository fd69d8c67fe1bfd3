/**
 * Runs before each file of tests. Deno's runner prints an error's cause, but not the two errors inside a SuppressedError. If
 * a test fails and its cleanup fails too, both would be hidden.
 *
 * @module
 */
Object.defineProperty(SuppressedError.prototype, "cause", {
  configurable: true,
  get(this: SuppressedError): AggregateError {
    const both = new AggregateError(
      [this.suppressed, this.error],
      "what failed, and what failed at its cleanup",
    );
    // Its own place says nothing.
    both.stack = `${both.name}: ${both.message}`;
    return both;
  },
});

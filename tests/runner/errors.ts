/**
 * Runs before each file of tests. Deno's runner prints an error's cause, but neither of the two errors that a
 * SuppressedError is made of: without them nobody learns why a test failed whose end failed, too.
 *
 * @module
 */
Object.defineProperty(SuppressedError.prototype, "cause", {
  configurable: true,
  get(this: SuppressedError): AggregateError {
    return new AggregateError(
      [this.suppressed, this.error],
      "first what failed, then what failed at its end",
    );
  },
});

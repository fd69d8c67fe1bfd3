/**
 * The body of a response of `fetch`. It ends with an error when a signal aborts, and the connection with it. Deno
 * forgets the signal of a `fetch` with the Response, and reading the body alone does not keep that: after a garbage
 * collection an abort would do nothing.
 *
 * @param signals those that end it; undefined ones are left out
 */
export function abortableBody(
  response: Response,
  ...signals: readonly (AbortSignal | undefined)[]
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  const leave: (() => void)[] = [];
  const done = () => {
    for (const off of leave.splice(0)) off();
  };
  return new ReadableStream({
    start(body) {
      for (const signal of signals) {
        if (signal === undefined) continue;
        const stop = () => {
          done();
          body.error(signal.reason);
          // The connection may have failed by itself; there is nobody left to tell.
          reader?.cancel().catch(() => {});
        };
        signal.addEventListener("abort", stop);
        leave.push(() => signal.removeEventListener("abort", stop));
        if (signal.aborted) return stop();
      }
    },
    async pull(body) {
      const next = await reader?.read();
      if (next?.value !== undefined) return body.enqueue(next.value);
      done();
      body.close();
    },
    async cancel() {
      done();
      await reader?.cancel();
    },
  });
}

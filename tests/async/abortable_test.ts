import assert from "node:assert/strict";
import { abortable } from "../../src/async/abortable.ts";

Deno.test("abortable() settles as the promise does", async () => {
  const { signal } = new AbortController();
  assert.equal(await abortable(Promise.resolve(1), signal), 1);
  await assert.rejects(abortable(Promise.reject(new Error("no")), signal), /no/);
});

Deno.test("abortable() rejects with the signal's reason once that aborts, before or meanwhile", async () => {
  const stop = new AbortController();
  const never = new Promise<number>(() => {});
  const waiting = abortable(never, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(waiting, /stopped/);
  await assert.rejects(abortable(never, stop.signal), /stopped/);
});

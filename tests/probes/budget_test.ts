import assert from "node:assert/strict";
import {
  BODY_LIMIT,
  Budget,
  EMPTY_LIMIT,
  HEAD_LIMIT,
  INTERIM_LIMIT,
  WIRE_LIMIT,
} from "../../src/probes/budget.ts";
import type { ByteStream } from "../../src/probes/stream.ts";

/** A peer that sends without end: `read` decides what a read of so many octets gets. */
function endless(read: ByteStream["read"]): ByteStream {
  return {
    open: () => null,
    write: (bytes) => bytes.length,
    read,
    close: () => null,
    failure: null,
    [Symbol.dispose]: () => {},
  };
}

Deno.test("Budget.read() takes 128 KiB from a peer that sends without end, and then nothing more", () => {
  for (const piece of [1, 7, 1000, 16_384, 1_000_000]) {
    const budget = new Budget();
    let sent = 0;
    const stream = endless((size) => {
      const bytes = new Uint8Array(Math.min(size, piece));
      sent += bytes.length;
      return { kind: "data", bytes };
    });
    let read = budget.read(stream);
    for (let i = 0; i < 2 * WIRE_LIMIT && typeof read !== "string" && read.kind === "data"; i++) {
      read = budget.read(stream);
    }
    assert.deepEqual(read, { kind: "spent", detail: "response over 128 KiB on the wire" });
    assert.equal(sent, 128 * 1024);
  }
});

Deno.test("Budget.read() bounds the reads that get no data", () => {
  const budget = new Budget();
  const stream = endless(() => "again");
  for (let i = 0; i < EMPTY_LIMIT; i++) assert.equal(budget.read(stream), "again");
  assert.deepEqual(budget.read(stream), { kind: "spent", detail: "more than 1000 records without data" });
});

Deno.test("Budget: waiting and the end of a connection cost nothing", () => {
  const budget = new Budget();
  for (let i = 0; i < 2 * EMPTY_LIMIT; i++) assert.equal(budget.read(endless(() => "wait")), "wait");
  assert.deepEqual(budget.read(endless(() => ({ kind: "end" }))), { kind: "end" });
});

Deno.test("Budget counts heads, interim responses and the body", () => {
  const budget = new Budget();
  budget.head(10_000);
  budget.head(6000);
  assert.equal(budget.headRoom, HEAD_LIMIT - 16_000);
  for (let i = 0; i < INTERIM_LIMIT; i++) assert.equal(budget.interim(), true);
  assert.equal(budget.interim(), false);
  budget.body(60_000);
  assert.equal(budget.bodyRoom, BODY_LIMIT - 60_000);
});

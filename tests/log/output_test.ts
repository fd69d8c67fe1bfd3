import assert from "node:assert/strict";
import { LogOutput } from "../../src/log/output.ts";

/** A disk that may be full, and takes a few octets at a time. */
class Disk {
  text = "";
  room = Infinity;

  readonly write = (octets: Uint8Array): number => {
    const taken = Math.min(octets.length, 4, this.room);
    if (taken === 0) throw new Error("No space left on device (os error 28)");
    this.room -= taken;
    this.text += new TextDecoder().decode(octets.subarray(0, taken));
    return taken;
  };
}

Deno.test("a line goes out whole, however little is taken at a time", () => {
  const disk = new Disk();
  new LogOutput(disk.write).write("a line of words\n");
  assert.equal(disk.text, "a line of words\n");
});

Deno.test("lines that cannot be written are given up and counted, and the next one starts a line", () => {
  const disk = new Disk();
  const output = new LogOutput(disk.write);
  const told: [number, string][] = [];
  output.onRecovered = (lost, reason) => {
    told.push([lost, reason]);
    output.write(`lost ${lost}\n`);
  };
  output.write("one\n");
  disk.room = 2;
  output.write("two\n");
  output.write("three\n");
  assert.equal(output.lost, 2);
  disk.room = Infinity;
  output.write("four\n");
  assert.equal(disk.text, "one\ntw\nfour\nlost 2\n");
  assert.equal(output.lost, 0);
  assert.deepEqual(told, [[2, "No space left on device (os error 28)"]]);
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { LogOutput } from "../../src/log/output.ts";
import { FakeClock } from "../fake_clock.ts";

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

/** A pipe that holds so many octets until somebody reads. */
class Pipe {
  text = "";
  held = 0;

  constructor(readonly size: number) {}

  readonly write = (octets: Uint8Array): number => {
    const taken = Math.min(octets.length, 4, this.size - this.held);
    this.held += taken;
    this.text += new TextDecoder().decode(octets.subarray(0, taken));
    return taken;
  };
}

Deno.test("lines of a burst wait for a slow reader, and come whole and in their order", async () => {
  const steps = fc.array(
    fc.oneof(fc.constant("line" as const), fc.constant("read" as const), fc.constant("time" as const)),
    { maxLength: 60 },
  );
  await fc.assert(fc.asyncProperty(steps, fc.integer({ min: 1, max: 40 }), async (list, size) => {
    const pipe = new Pipe(size);
    const clock = new FakeClock();
    using output = new LogOutput(pipe.write, clock);
    let written = "";
    for (const [i, step] of list.entries()) {
      if (step === "read") pipe.held = 0;
      else if (step === "time") await clock.advance(10);
      else {
        const line = `line ${i} ${"x".repeat(i % 30)}\n`;
        written += line;
        output.write(line);
      }
      assert.ok(written.startsWith(pipe.text), "nothing is lost or told twice");
    }
    while (output.waiting > 0) {
      pipe.held = 0;
      await clock.advance(10);
    }
    assert.equal(pipe.text, written);
    assert.equal(output.lost, 0);
  }));
});

Deno.test("of what nobody reads a mebibyte is kept, and the rest is counted", () => {
  const pipe = new Pipe(10);
  const output = new LogOutput(pipe.write);
  output.onRecovered = (lost) => output.write(`lost ${lost}\n`);
  const line = `${"x".repeat(1023)}\n`;
  for (let i = 0; i < 2000; i++) output.write(line);
  assert.ok(output.waiting >= 1023 && output.waiting <= 1025, `${output.waiting} lines wait`);
  const { lost, waiting } = output;
  output.drain(() => pipe.held = -Infinity);
  assert.equal(pipe.text, line.repeat(waiting) + `lost ${lost}\n`);
  assert.equal(lost + waiting, 2000);
});

Deno.test("the end of the process waits half a second for the reader, not for ever", () => {
  const pipe = new Pipe(10);
  const output = new LogOutput(pipe.write);
  output.write("more than ten octets\n");
  let waited = 0;
  output.drain((ms) => waited += ms);
  assert.equal(waited, 500);
  assert.equal(output.waiting, 1);
});

Deno.test("a line that is longer than what is kept is written whole", () => {
  let octets = 0;
  const output = new LogOutput((some) => {
    octets += some.length;
    return some.length;
  });
  output.write("x".repeat(2 * 1024 * 1024));
  assert.equal(octets, 2 * 1024 * 1024);
  assert.equal(output.lost, 0);
});

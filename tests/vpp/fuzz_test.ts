/**
 * Mutated frames at the client and mutated stats segments at the reader: an error of its own kind or an answer,
 * never a crash, a hang, or memory without bounds. The seed is printed with a failure.
 */
import assert from "node:assert/strict";
import { StatSegment } from "../../src/simulator/statsegment.ts";
import { ip } from "../../src/net/ip.ts";
import { type ByteStream, VppClient } from "../../src/vpp/client.ts";
import { VppRetvalError, VppSessionError } from "../../src/vpp/errors.ts";
import { encodeFrame, Splitter } from "../../src/vpp/frame.ts";
import { calls, dumps, type Message, messages } from "../../src/vpp/messages.ts";
import { Segment } from "../../src/vpp/segment.ts";
import { readPulse, STAT_NAMES, VIP_COUNTERS } from "../../src/vpp/stats.ts";
import { recordedSegment } from "./recordings.ts";
import { clientOptions, idOf, serverRow, welcome } from "./scripted_vpp.ts";

const FRAMES = 100_000;
const SEGMENTS = 10_000;
const seed = Number(Deno.env.get("MAGLEV_TEST_SEED") ?? Date.now() % 2 ** 31);

/** A small generator of random integers 0…below−1 (mulberry32), the same for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A socket in memory: what the test feeds is read, what is written is noted. */
class MemorySocket implements ByteStream {
  /** Contexts of what was asked for, by the request's name. */
  readonly asked: { id: number; context: number }[] = [];
  readonly #splitter = new Splitter();
  readonly #chunks: Uint8Array[] = [];
  #wake: (() => void) | null = null;
  #closed = false;

  feed(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#closed) return null;
      const wait = Promise.withResolvers<void>();
      this.#wake = wait.resolve;
      await wait.promise;
    }
    const first = this.#chunks.shift() ?? new Uint8Array(0);
    if (first.length > into.length) this.#chunks.unshift(first.subarray(into.length));
    const part = first.subarray(0, into.length);
    into.set(part);
    return part.length;
  }

  write(from: Uint8Array): Promise<number> {
    this.#splitter.push(new Uint8Array(from), (payload) => {
      const view = new DataView(payload.buffer, payload.byteOffset);
      const id = view.getUint16(0);
      if (id === idOf(messages.sockclnt_create)) this.feed(welcome(view.getUint32(2)));
      else if (id === idOf(messages.sockclnt_delete)) this.close();
      else this.asked.push({ id, context: view.getUint32(6) });
    });
    return Promise.resolve(from.length);
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }
}

const vip = { pfx: "192.0.2.1/32", protocol: 6, port: 80 };
const noFilter = { pfx: { af: 0, octets: new Uint8Array(16), len: 0 }, protocol: 0, port: 0 };

/** A right answer to a request, or a row of one. */
function answerTo({ id, context }: { id: number; context: number }): Uint8Array<ArrayBuffer> {
  const make = <T>(message: Message<T>, body: T) =>
    encodeFrame(message, { id: idOf(message), context }, body);
  switch (id) {
    case idOf(messages.lb_as_v2_dump):
      return make(messages.lb_as_v2_details, serverRow("192.0.2.1/32", ip("10.0.0.1"), 100));
    case idOf(messages.show_version):
      return make(messages.show_version_reply, {
        program: "vpe",
        version: "26.10",
        build_date: "2026-11-22",
        build_directory: "/build",
      });
    case idOf(messages.cli_inband):
      return make(messages.cli_inband_reply, { reply: "text ".repeat(20) });
    case idOf(messages.ip_route_lookup):
      return make(messages.ip_route_lookup_reply, {
        table_id: 0,
        stats_index: 8,
        prefix: "192.0.2.1/32",
        paths: [],
      });
    case idOf(messages.lb_flush_vip):
      return make(messages.lb_flush_vip_reply, {});
    default:
      return make(messages.control_ping_reply, { client_index: 1, vpe_pid: 2 });
  }
}

/** Something near the frame, or nothing like it. */
function mutate(frame: Uint8Array<ArrayBuffer>, next: (below: number) => number): Uint8Array<ArrayBuffer> {
  const copy = frame.slice();
  const view = new DataView(copy.buffer);
  switch (next(10)) {
    case 0:
      return copy;
    case 1:
      return copy.slice(0, next(copy.length));
    case 2: {
      const longer = new Uint8Array(copy.length + 1 + next(64));
      longer.set(copy);
      return longer;
    }
    case 3:
      view.setUint32(8, next(2 ** 31) * 2);
      return copy;
    case 4:
      view.setUint32(8, next(copy.length));
      return copy;
    case 5:
      view.setUint16(16, next(65536));
      return copy;
    case 6:
      return Uint8Array.from({ length: next(100) }, () => next(256));
    case 7: {
      // Cut the payload, and say so in the header.
      const length = next(copy.length - 16);
      const cut = copy.slice(0, 16 + length);
      new DataView(cut.buffer).setUint32(8, length);
      return cut;
    }
    default:
      // Mostly inside the payload: the head and the fields.
      for (let flips = 1 + next(4); flips > 0; flips--) {
        const at = 16 + next(copy.length - 16);
        copy[at] = (copy[at] ?? 0) ^ (1 << next(8));
      }
      return copy;
  }
}

Deno.test(`fuzz: ${FRAMES} mutated frames end in an answer or in an error that is the client's own`, async () => {
  const next = random(seed);
  const ends = new Map<string, number>();
  let frames = 0;
  let answers = 0;
  const memory = () => Deno.memoryUsage().heapUsed + Deno.memoryUsage().external;
  const before = memory();
  let peak = 0;
  while (frames < FRAMES) {
    const socket = new MemorySocket();
    const client = await VppClient.open(socket, clientOptions());
    const settled = Promise.allSettled([
      client.request(calls.showVersion, {}),
      client.dump(dumps.lbServers, noFilter),
      client.request(calls.cliInband, { cmd: "show lb vips verbose" }),
      client.request(calls.lbFlushVip, vip),
      client.request(calls.ipRouteLookup, { table_id: 0, exact: 1, prefix: "192.0.2.1/32" }),
      client.dump(dumps.lbServers, noFilter),
    ]);
    await Promise.resolve().then(() => {});
    for (let i = 0; i < 30 && !client.signal.aborted; i++) {
      const asked = socket.asked[next(socket.asked.length)];
      assert.ok(asked);
      const frame = mutate(answerTo(asked), next);
      const cut = next(3) === 0 ? next(frame.length + 1) : frame.length;
      socket.feed(frame.subarray(0, cut));
      if (cut < frame.length) socket.feed(frame.subarray(cut));
      frames++;
      for (let turn = 0; turn < 6; turn++) await Promise.resolve();
    }
    await client[Symbol.asyncDispose]();
    for (const result of await settled) {
      if (result.status === "fulfilled") answers++;
      else {
        const { reason } = result;
        assert.ok(
          reason instanceof VppSessionError || reason instanceof VppRetvalError,
          `seed ${seed}: ${reason}`,
        );
      }
    }
    const { reason } = client.signal;
    assert.ok(reason instanceof VppSessionError);
    ends.set(reason.end, (ends.get(reason.end) ?? 0) + 1);
    peak = Math.max(peak, memory() - before);
  }
  const summary = JSON.stringify({ seed, answers, ...Object.fromEntries(ends) });
  assert.deepEqual([...ends.keys()].toSorted(), ["malformed", "stopped"], summary);
  assert.ok((ends.get("malformed") ?? 0) > 1000 && answers > 1000, summary);
  assert.ok(peak < 512 * 1024 * 1024, `${peak} octets more than before, ${summary}`);
});

/** Looks at everything that the daemon looks at, and at some entries besides. */
function lookAround(segment: Segment, next: (below: number) => number): void {
  const read = segment.read(() => {
    readPulse(segment);
    const places = segment.find(STAT_NAMES);
    for (const name of VIP_COUNTERS) {
      segment.sumSimple(places.get(name) ?? -1, [0, 1, 2, next(1000), Infinity]);
    }
    for (const name of ["/net/route/to", "/net/route/via"]) {
      segment.sumCombined(places.get(name) ?? -1, [0, 8, 18, next(1000), Infinity]);
    }
  });
  assert.ok(["ok", "busy", "stale"].includes(read.outcome));
  if (read.outcome === "stale") {
    assert.ok(read.problem.length > 10 && read.problem.length < 200, read.problem);
  }
  for (let i = 0; i < 3; i++) segment.read(() => segment.value(next(4000)));
}

/** Spoils some words of a segment where it hurts, looks at it, and puts them back. */
function spoil(
  words: Uint32Array<ArrayBuffer>,
  spots: readonly number[],
  segment: Segment,
  next: (below: number) => number,
): void {
  const undo: [number, number][] = [];
  for (let n = 1 + next(4); n > 0; n--) {
    const at = next(3) === 0 ? next(words.length) : (spots[next(spots.length)] ?? 0) + next(4);
    const old = words[at] ?? 0;
    undo.push([at, old]);
    switch (next(5)) {
      case 0:
        words[at] = old ^ (1 << next(32));
        break;
      case 1:
        words[at] = next(2 ** 31) * 2;
        break;
      case 2:
        words[at] = next(64);
        break;
      case 3:
        words[at] = 0xffffffff;
        break;
      default:
        words[at] = old + 8 * (next(65) - 32);
    }
  }
  try {
    lookAround(segment, next);
  } catch (error) {
    throw new Error(`seed ${seed}, words ${JSON.stringify(undo)}`, { cause: error });
  }
  for (const [at, old] of undo.toReversed()) words[at] = old;
}

/** Places, in words, where pointers and lengths stand: header, directory, and the vectors of counters. */
function tenderSpots(buffer: ArrayBuffer): number[] {
  const words = new BigUint64Array(buffer);
  const base = words[1] ?? 0n;
  const segment = new Segment(buffer);
  const read = segment.read(() => segment.find(STAT_NAMES));
  assert.ok(read.outcome === "ok");
  const directory = Number((words[4] ?? 0n) - base);
  const spots = [0, 2, 4, 6, 8, (directory - 8) / 4];
  for (const place of read.value.values()) {
    const entry = directory + 144 * place;
    spots.push(entry / 4, entry / 4, entry / 4 + 2);
    const type = new DataView(buffer).getUint32(entry, true);
    if (type !== 2 && type !== 3) continue;
    const table = Number((words[entry / 8 + 1] ?? 0n) - base);
    const row = Number((words[table / 8] ?? 0n) - base);
    spots.push((table - 8) / 4, table / 4, (row - 8) / 4, row / 4);
  }
  return spots;
}

Deno.test(`fuzz: ${SEGMENTS} mutated stats segments are read, or are busy or stale`, async () => {
  const next = random(seed);
  const small = new ArrayBuffer(1 << 18);
  const written = new StatSegment(small, { workers: 1, bootTime: 1_800_000_000, otherEntries: 100 });
  for (let index = 1; index < 20; index++) {
    written.vipAdded(index);
    written.routeAdded(index);
  }
  const buffers = [
    small,
    (await recordedSegment("stats-1thread")).buffer,
    (await recordedSegment("stats-2threads")).buffer,
  ];
  for (const buffer of buffers) {
    const segment = new Segment(buffer);
    const words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    const spots = tenderSpots(buffer);
    const before = segment.read(() =>
      segment.sumSimple(segment.find(STAT_NAMES).get(VIP_COUNTERS[0]) ?? -1, [1, 2])
    );
    for (let i = 0; i < SEGMENTS / buffers.length; i++) spoil(words, spots, segment, next);
    const after = segment.read(() =>
      segment.sumSimple(segment.find(STAT_NAMES).get(VIP_COUNTERS[0]) ?? -1, [1, 2])
    );
    assert.deepEqual(after, before, `seed ${seed}: whole again, it reads as before`);
    assert.equal(before.outcome, "ok");
  }
});

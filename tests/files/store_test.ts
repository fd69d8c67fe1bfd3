import assert from "node:assert/strict";
import { type Disk, type NamedText, type Sign, unitRead } from "../../src/files/disk.ts";
import { FileStore } from "../../src/files/store.ts";
import { type FileUnit, type UnitContents, unitKey, type UnitRead } from "../../src/files/unit.ts";
import type { Log } from "../../src/log/mod.ts";
import { silentLog } from "../../src/log/mod.ts";
import { err, ok } from "../../src/result.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { pem } from "./pem.ts";

const CA: FileUnit = { kind: "authorities", paths: ["ca"] };
const PAIR: FileUnit = { kind: "pair", paths: ["cert", "key"] };
const [CA_KEY, PAIR_KEY] = [unitKey(CA), unitKey(PAIR)];

/** A disk and a store over it, with a clock that the test moves. */
class World implements Disposable {
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly changes: UnitContents[] = [];
  readonly store: FileStore;
  /** How often a file was asked for its sign. */
  signs = 0;
  /** How often a file was read. */
  reads = 0;
  /** Set: the disk tells no sign before it resolves. */
  hung: Promise<void> | null = null;
  /** Set: what was read comes when it resolves. */
  slow: Promise<void> | null = null;
  readonly #files = new Map<string, { text: string; version: number; at: number }>();
  #version = 0;

  constructor() {
    this.write("ca", pem("rsa.crt"));
    this.write("cert", pem("rsa.crt"));
    this.write("key", pem("rsa.key"));
    this.clock.setWall(this.clock.wall() + 10_000);
    const disk: Disk = {
      sign: async (path) => {
        this.signs++;
        await this.hung;
        return this.#sign(path);
      },
      read: async (path) => {
        this.reads++;
        const read = this.#read(path);
        await this.slow;
        return read;
      },
    };
    const line = (level: string) => (msg: string, attrs?: unknown) => {
      const fields = typeof attrs === "function" ? attrs() : attrs;
      this.lines.push(`${level} ${msg} ${fields.file ?? fields.files} ${fields.error ?? ""}`.trim());
    };
    const log: Log = { ...silentLog, info: line("info"), warn: line("warn") };
    this.store = new FileStore(
      { clock: this.clock, log, disk, changed: (contents) => this.changes.push(...contents) },
      this.check(),
    );
    this.changes.length = 0;
  }

  write(path: string, text: string): void {
    this.#files.set(path, { text, version: ++this.#version, at: this.clock.wall() });
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  /** What the check of a configuration reads that names both units. */
  check(...units: readonly FileUnit[]): UnitRead[] {
    return (units.length === 0 ? [CA, PAIR] : units).map((unit) =>
      unitRead(unit, unit.paths.map((path) => this.#read(path)))
    );
  }

  /** The texts in use of a unit. */
  texts(key: string): readonly string[] {
    return this.store.contents.find((one) => one.key === key)?.texts ?? [];
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
    assert.equal(this.clock.pending, 0);
  }

  #sign(path: string): Sign {
    const file = this.#files.get(path);
    return file === undefined
      ? { signature: "", changedAt: 0 }
      : { signature: `${file.version}`, changedAt: file.at };
  }

  #read(path: string): NamedText {
    const text = this.#files.get(path)?.text;
    return {
      signature: this.#sign(path).signature,
      text: text === undefined ? err("no such file") : ok(text),
    };
  }
}

Deno.test("a file that changes is taken with the look that comes every 60 s, and not read without a change", async () => {
  using world = new World();
  await world.clock.advance(180_000);
  assert.deepEqual([world.reads, world.signs], [0, 9]);
  world.write("ca", pem("ec.crt"));
  await world.clock.advance(59_000);
  assert.equal(world.changes.length, 0);
  await world.clock.advance(1_000);
  assert.deepEqual(world.changes.map(({ key }) => key), [CA_KEY]);
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt")]);
  assert.deepEqual(world.lines, ["info file-read ca"]);
  const [first] = world.changes;
  world.write("ca", pem("rsa.crt"));
  await world.clock.advance(60_000);
  assert.ok((world.changes[1]?.revision ?? 0) > (first?.revision ?? 0));
});

Deno.test("a file that was written anew with the same content changes nothing", async () => {
  using world = new World();
  world.write("ca", pem("rsa.crt"));
  await world.clock.advance(120_000);
  assert.deepEqual([world.changes, world.lines, world.reads], [[], [], 1]);
});

Deno.test("an empty, half-written, wrong or missing file never replaces a good one, and is told once", async () => {
  using world = new World();
  const before = world.store.contents;
  const wrong: [string | null, string][] = [
    ["", "the file is empty"],
    [pem("rsa.crt").slice(0, 300), "the file ends within a certificate"],
    ["garbage\n", "the file holds no PEM certificate"],
    [null, "no such file"],
  ];
  for (const [text, why] of wrong) {
    if (text === null) world.remove("ca");
    else world.write("ca", text);
    await world.clock.advance(180_000);
    assert.deepEqual(world.store.kept.map(({ path, why }) => [path, why]), [["ca", why]]);
    assert.equal(world.lines.at(-1), `warn file-kept ca ${why}`);
  }
  assert.equal(world.lines.length, wrong.length);
  assert.deepEqual(world.store.contents, before);
  assert.deepEqual(world.changes, []);
  world.write("ca", pem("ec.crt"));
  await world.clock.advance(60_000);
  assert.deepEqual(world.store.kept, []);
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt")]);
});

Deno.test("a certificate that is renewed before its key waits for it, and both are taken together", async () => {
  using world = new World();
  world.write("cert", pem("ec.crt"));
  await world.clock.advance(60_000);
  assert.deepEqual(world.texts(PAIR_KEY), [pem("rsa.crt"), pem("rsa.key")]);
  assert.deepEqual(world.lines, ['warn file-kept key it is not the key of the certificate in "cert"']);
  world.write("key", pem("ec.key"));
  await world.clock.advance(60_000);
  assert.deepEqual(world.texts(PAIR_KEY), [pem("ec.crt"), pem("ec.key")]);
  assert.deepEqual(world.changes.map(({ texts }) => texts.length), [2]);
});

Deno.test("the look of every 60 s waits until the file has been still for a second", async () => {
  using world = new World();
  await world.clock.advance(59_900);
  world.write("ca", pem("ec.crt"));
  await world.clock.advance(900);
  // Another piece arrives.
  world.write("ca", pem("ec.crt") + pem("rsa.crt"));
  await world.clock.advance(900);
  assert.equal(world.reads, 0);
  await world.clock.advance(200);
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt") + pem("rsa.crt")]);
});

Deno.test("a look for a failure takes a good file at once, and waits for one that is being written", async () => {
  using world = new World();
  world.write("ca", pem("ec.crt"));
  await world.store.look([CA_KEY]);
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt")]);
  world.write("ca", pem("rsa.crt").slice(0, 300));
  const look = world.store.look([CA_KEY]);
  await world.clock.advance(500);
  world.write("ca", pem("rsa.crt"));
  await world.clock.advance(600);
  await look;
  assert.deepEqual(world.texts(CA_KEY), [pem("rsa.crt")]);
  assert.deepEqual(world.lines, ["info file-read ca", "info file-read ca"]);
});

Deno.test("a time that is still to come does not hold a file back", async () => {
  using world = new World();
  world.write("ca", pem("ec.crt"));
  world.clock.setWall(world.clock.wall() - 3_600_000);
  await world.store.look([CA_KEY]);
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt")]);
});

Deno.test("a file that is written all the time is read in the end", async () => {
  using world = new World();
  await world.clock.advance(59_900);
  for (let i = 0; i < 15; i++) {
    world.write("ca", pem("ec.crt"));
    await world.clock.advance(500);
  }
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt")]);
});

Deno.test("a reload takes at once what its check has read, keeps what is wrong, and drops what is not named", async () => {
  using world = new World();
  world.write("ca", pem("ec.crt"));
  world.write("key", "");
  world.store.take(world.check());
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt")]);
  assert.deepEqual(world.texts(PAIR_KEY), [pem("rsa.crt"), pem("rsa.key")]);
  assert.deepEqual(world.lines, ["info file-read ca", "warn file-kept key the file is empty"]);
  assert.deepEqual(world.changes.map(({ key }) => key), [CA_KEY]);
  world.store.take(world.check(CA));
  assert.deepEqual(world.store.keys, [CA_KEY]);
  assert.deepEqual(world.store.kept, []);
  await world.clock.advance(0);
  assert.equal(world.changes.length, 1);
});

Deno.test("a look that a reload has overtaken does not bring older content back", async () => {
  using world = new World();
  world.clock.setWall(world.clock.wall() + 10_000);
  world.write("ca", pem("ec.crt"));
  world.clock.setWall(world.clock.wall() + 10_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  world.slow = promise;
  const look = world.store.look([CA_KEY]);
  await settle();
  assert.equal(world.reads, 1);
  world.write("ca", pem("ec.crt") + pem("rsa.crt"));
  world.store.take(world.check());
  resolve();
  await look;
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt") + pem("rsa.crt")]);
});

Deno.test("who asks during a look gets one that begins afterwards, and a thousand get the same", async () => {
  using world = new World();
  const first = world.store.look([CA_KEY]);
  const others = Array.from({ length: 1000 }, () => world.store.look([CA_KEY]));
  await first;
  assert.equal(world.signs, 1);
  await world.clock.advance(100);
  await Promise.all(others);
  assert.equal(world.signs, 2);
});

Deno.test("a disk that does not answer holds up one look and nothing else", async () => {
  using world = new World();
  world.hung = new Promise(() => {});
  await world.clock.advance(300_000);
  // Both units were asked once.
  assert.equal(world.signs, 3);
  world.hung = null;
  world.write("ca", pem("ec.crt"));
  world.store.take(world.check());
  assert.deepEqual(world.texts(CA_KEY), [pem("ec.crt")]);
});

Deno.test("files that are wrong from the start are a defect of the caller", () => {
  const wrong = unitRead(CA, [{ signature: "1", text: ok("") }]);
  const options = { clock: new FakeClock(), log: silentLog, changed() {} };
  assert.throws(() => new FileStore(options, [wrong]), /Cannot use files that are wrong: ca/);
});

import assert from "node:assert/strict";
import { checkText } from "../../src/config/load.ts";
import { ConfigWatch, type FileMark, lookAtFile } from "../../src/daemon/config_watch.ts";
import type { Config } from "../../src/configuration.ts";
import { err, ok, type Result } from "../../src/result.ts";
import type { CheckResult } from "../../src/config/check.ts";
import type { Refusal } from "../../src/control.ts";
import { FakeClock, settle } from "../fake_clock.ts";

const text = (weight: number, more = "") =>
  `${more}maglev:
  vpp: { lb: { ipv4-src-address: 198.51.100.1, ipv6-src-address: "2001:db8::1" } }
  backends: { b1: { address: 10.0.0.1 } }
  frontends: { web: { address: 192.0.2.1, pools: [{ name: main, backends: { b1: { weight: ${weight} } } }] } }
`;

function parse(source: string): CheckResult {
  return checkText(source, "maglev.yaml", { fileRules: false });
}

/** A watch over a file that is a variable. */
class World implements Disposable {
  readonly clock = new FakeClock();
  file = text(100);
  writtenAt = this.clock.wall() - 3_600_000;
  mark = 0;
  running: Config = parse(this.file).config ?? assert.fail();
  checks = 0;
  missing = false;
  busy = false;
  readonly watch = new ConfigWatch({
    clock: this.clock,
    path: "/etc/maglev.yaml",
    look: () => Promise.resolve(this.#look()),
    check: () => Promise.resolve(this.#check()),
    running: () => this.running,
  });

  write(file: string): void {
    this.file = file;
    this.mark++;
    this.writtenAt = this.clock.wall();
  }

  get kind(): string | null {
    return this.watch.trouble?.kind ?? null;
  }

  #look(): Result<FileMark, string> {
    return this.missing ? err("no such file") : ok({ mark: String(this.mark), writtenAt: this.writtenAt });
  }

  #check(): Result<CheckResult, Refusal> {
    this.checks++;
    return this.busy ? err({ type: "busy", detail: "two checks are under way" }) : ok(parse(this.file));
  }

  [Symbol.dispose](): void {
    this.watch[Symbol.dispose]();
  }
}

const minute = 60_000;

Deno.test("a file that does not change is never checked", async () => {
  using world = new World();
  await world.clock.advance(60 * minute);
  assert.deepEqual([world.kind, world.checks], [null, 0]);
});

Deno.test("a file that differs is told once it has been still for 60 s, and no more when it is what runs", async () => {
  using world = new World();
  await world.clock.advance(30_000);
  world.write(text(50));
  await world.clock.advance(30_000);
  assert.equal(world.kind, null, "still being written, maybe");
  world.write(text(60));
  await world.clock.advance(minute);
  assert.equal(world.kind, "file-differs", "written a minute ago");
  const since = world.watch.trouble?.since;
  assert.deepEqual([world.watch.trouble?.detail, since], ["1 change", world.clock.wall()]);
  await world.clock.advance(10 * minute);
  assert.deepEqual([world.watch.trouble?.since, world.checks], [since, 1], "checked once");
  world.write(text(70));
  await world.clock.advance(2 * minute);
  assert.deepEqual(
    [world.kind, world.watch.trouble?.since],
    ["file-differs", since],
    "since the first difference",
  );
  world.write(text(100, "# a comment\n"));
  await world.clock.advance(2 * minute);
  assert.equal(world.kind, null);
});

Deno.test("a file that would be refused, or cannot be read, is told with the first error", async () => {
  using world = new World();
  world.write(text(500));
  await world.clock.advance(2 * minute);
  assert.equal(world.kind, "file-refused");
  assert.match(world.watch.trouble?.detail ?? "", /^maglev\.yaml:\d+:\d+: .*weight/);
  world.missing = true;
  await world.clock.advance(2 * minute);
  assert.match(world.watch.trouble?.detail ?? "", /^it cannot be read: no such file/);
  world.missing = false;
  world.write(text(100));
  await world.clock.advance(2 * minute);
  assert.equal(world.kind, null);
});

Deno.test("a reload settles it at once, either way; a checker that is busy is asked again", async () => {
  using world = new World();
  world.write(text(500));
  world.watch.refused("maglev.yaml:5:1: weight");
  assert.equal(world.kind, "file-refused");
  world.write(text(50));
  world.running = parse(world.file).config ?? assert.fail();
  world.watch.taken();
  await settle();
  assert.equal(world.kind, null);
  world.busy = true;
  world.write(text(60));
  await world.clock.advance(3 * minute);
  assert.equal(world.kind, null);
  world.busy = false;
  await world.clock.advance(minute);
  assert.equal(world.kind, "file-differs");
});

Deno.test("a file of this machine has a mark that changes with it", async () => {
  const path = await Deno.makeTempFile();
  try {
    const first = await lookAtFile(path);
    await Deno.writeTextFile(path, "other");
    const second = await lookAtFile(path);
    assert.ok(first.ok && second.ok);
    assert.notEqual(first.value.mark, second.value.mark);
  } finally {
    await Deno.remove(path);
  }
  assert.match((await lookAtFile(path)).ok ? "" : "gone", /gone/);
});

Deno.test("the end of a watch ends the check that is under way", async () => {
  const clock = new FakeClock();
  const asked: AbortSignal[] = [];
  let mark = "as it runs";
  const watch = new ConfigWatch({
    clock,
    path: "/etc/maglev.yaml",
    look: () => Promise.resolve(ok({ mark, writtenAt: 0 })),
    check: (signal) => {
      asked.push(signal);
      return new Promise(() => {});
    },
    running: () => parse(text(100)).config ?? assert.fail(),
  });
  await settle();
  mark = "edited";
  await clock.advance(60_000);
  assert.deepEqual(asked.map(({ aborted }) => aborted), [false]);
  watch[Symbol.dispose]();
  assert.deepEqual(asked.map(({ aborted }) => aborted), [true]);
});

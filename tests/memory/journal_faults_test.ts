import assert from "node:assert/strict";
import { type Entry, type NewEntry, nextSeq } from "../../src/memory/journal/entry.ts";
import { JournalKeeper } from "../../src/memory/journal/keeper.ts";
import type { JournalAnswer, JournalRequest } from "../../src/memory/journal/messages.ts";
import { all } from "./pages.ts";

const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";

let seq = 0;
function entry(text: string, kind: NewEntry["kind"] = "backend"): Entry {
  seq = nextSeq(seq, 1_800_000_000_000);
  const at = 1_800_000_000_000;
  return {
    seq,
    at,
    kind,
    backend: null,
    frontend: null,
    by: null,
    claimed: null,
    reason: null,
    text,
    data: {},
    chain: null,
  };
}

function value(answer: JournalAnswer): unknown {
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.value;
}

const write = (entries: readonly Entry[]): JournalRequest => {
  return { kind: "write", batch: { entries, runs: [], latency: [] }, now: 1_800_000_000_000 };
};

function texts(keeper: JournalKeeper): string[] {
  const page = value(keeper.handle({ kind: "page", query: all })) as { rows: { json: string }[] };
  return page.rows.map((row) => (JSON.parse(row.json) as { text: string }).text);
}

Deno.test("a file that is damaged anywhere is put aside or goes on, and what comes next is kept", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const good = `${folder}/good.sqlite`;
    {
      using keeper = new JournalKeeper();
      value(keeper.handle({ kind: "open", path: good, limit: 1e9, keepMs: 1e12 }));
      for (let i = 0; i < 20; i++) {
        value(
          keeper.handle(
            write(Array.from({ length: 20 }, (_, j) => entry(`${i} ${j}`, j === 0 ? "change" : "backend"))),
          ),
        );
      }
    }
    const octets = await Deno.readFile(good);
    let asides = 0;
    for (let round = 0; round < (full ? 1000 : 100); round++) {
      const path = `${folder}/${round}.sqlite`;
      const damaged = octets.slice();
      // Rounds in turn: one octet, a page of zeros, an end that is missing; all over the file.
      const at = Math.floor((round * 7919 * 4099) % damaged.length);
      if (round % 3 === 0) damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      else if (round % 3 === 1) damaged.fill(0, at, at + 4096);
      await Deno.writeFile(path, round % 3 === 2 ? damaged.subarray(0, at) : damaged);
      using keeper = new JournalKeeper();
      const answers = [
        keeper.handle({ kind: "open", path, limit: 1e9, keepMs: 1e12 }),
        keeper.handle(write([entry("after")])),
        keeper.handle({ kind: "page", query: all }),
        keeper.handle(write([entry("later")])),
      ];
      answers.forEach(value);
      assert.equal(texts(keeper)[0], "later");
      const aside = answers.find((answer) => answer.putAside !== null)?.putAside ?? null;
      if (aside !== null) {
        asides++;
        assert.ok((await Deno.stat(aside)).size >= 0);
      }
      value(keeper.handle({ kind: "close" }));
      for await (const { name } of Deno.readDir(folder)) {
        if (name !== "good.sqlite") await Deno.remove(`${folder}/${name}`);
      }
    }
    assert.ok(asides > 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a damaged head that makes the file look read-only is damage, since the disk can be written", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/journal.sqlite`;
    const open = { kind: "open", path, limit: 1e9, keepMs: 1e12 } as const;
    {
      using keeper = new JournalKeeper();
      value(keeper.handle(open));
      value(keeper.handle(write([entry("before")])));
      value(keeper.handle({ kind: "close" }));
    }
    const octets = await Deno.readFile(path);
    // The version of the format that a writer must know.
    octets[18] = 0xfd;
    await Deno.writeFile(path, octets);
    using keeper = new JournalKeeper();
    const answers = [keeper.handle(open), keeper.handle(write([entry("after")]))];
    answers.forEach(value);
    assert.equal(answers.filter(({ putAside }) => putAside !== null).length, 1);
    assert.deepEqual(texts(keeper), ["after"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a damaged number that is larger than any of ours is damage, not the end of the thread", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/journal.sqlite`;
    const open = { kind: "open", path, limit: 1e9, keepMs: 1e12 } as const;
    {
      using keeper = new JournalKeeper();
      value(keeper.handle(open));
      value(keeper.handle(write([entry("before")])));
      value(keeper.handle({ kind: "close" }));
    }
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(path);
    db.exec("UPDATE entry SET seq=70198419340689408");
    db.close();
    using keeper = new JournalKeeper();
    const opened = keeper.handle(open);
    value(opened);
    assert.ok(opened.putAside !== null);
    value(keeper.handle(write([entry("after")])));
    assert.deepEqual(texts(keeper), ["after"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Runs a test on a file system of 6 MiB of its own, where that can be made. */
async function onSmallDisk(run: (folder: string) => Promise<void>): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  const mount = (...args: string[]) =>
    new Deno.Command(args[0] ?? "", { args: args.slice(1), stderr: "null" }).output();
  try {
    if (!(await mount("mount", "-t", "tmpfs", "-o", "size=7m", "none", folder)).success) return false;
    try {
      await run(folder);
    } finally {
      await mount("umount", "-l", folder);
    }
    return true;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const root = Deno.uid() === 0;

Deno.test({
  name: "a full disk: room is given back, and then the failure is named; with room again it goes on",
  ignore: !root,
  async fn() {
    await onSmallDisk(async (folder) => {
      using keeper = new JournalKeeper();
      value(keeper.handle({ kind: "open", path: `${folder}/journal.sqlite`, limit: 1e9, keepMs: 1e12 }));
      const big = "x".repeat(2000);
      const fill = () => keeper.handle(write(Array.from({ length: 50 }, () => entry(big))));
      let writes = 0;
      for (; writes < 200 && fill().ok; writes++);
      // 7 MiB hold some 3 MB of file, log and the spare; giving room back lets it go on for ever.
      assert.equal(writes, 200);
      // Somebody else takes all there is.
      let left = 16 * 1024 * 1024;
      using other = await Deno.open(`${folder}/other`, { write: true, create: true });
      for (let piece = 65_536; piece > 0 && left > 0;) {
        try {
          left -= await other.write(new Uint8Array(piece));
        } catch (error) {
          assert.match(String(error), /os error 28/);
          piece = Math.floor(piece / 2);
        }
      }
      let failed: JournalAnswer = { ok: true, value: null, putAside: null };
      for (let i = 0; i < 200 && failed.ok; i++) failed = fill();
      if (!failed.ok) assert.equal(failed.failure.cause, "disk");
      await Deno.remove(`${folder}/other`);
      value(keeper.handle(write([entry("after")])));
      assert.equal(texts(keeper)[0], "after");
    });
  },
});

Deno.test({
  name: "a read-only disk is named, and the journal goes on when it can be written again",
  ignore: !root,
  async fn() {
    await onSmallDisk(async (folder) => {
      const remount = (how: string) =>
        new Deno.Command("mount", { args: ["-o", `remount,${how}`, folder] }).output();
      const path = `${folder}/journal.sqlite`;
      {
        using keeper = new JournalKeeper();
        value(keeper.handle({ kind: "open", path, limit: 1e9, keepMs: 1e12 }));
        value(keeper.handle(write([entry("before")])));
      }
      await remount("ro");
      {
        using keeper = new JournalKeeper();
        const opened = keeper.handle({ kind: "open", path, limit: 1e9, keepMs: 1e12 });
        const written = opened.ok ? keeper.handle(write([entry("lost")])) : opened;
        assert.ok(!written.ok);
        assert.equal(written.failure.cause, "disk");
      }
      await remount("rw");
      using keeper = new JournalKeeper();
      value(keeper.handle({ kind: "open", path, limit: 1e9, keepMs: 1e12 }));
      value(keeper.handle(write([entry("after")])));
      assert.deepEqual(texts(keeper), ["after", "before"]);
    });
  },
});

Deno.test("only the owner may read the journal, also one that was readable by all", async () => {
  const folder = await Deno.makeTempDir();
  const mask = Deno.umask(0o022);
  try {
    const path = `${folder}/journal.sqlite`;
    const modes = () => [path, `${path}-wal`].map((name) => (Deno.statSync(name).mode ?? 0) & 0o777);
    const open = { kind: "open", path, limit: 1e9, keepMs: 1e12 } as const;
    {
      using keeper = new JournalKeeper();
      value(keeper.handle(open));
      value(keeper.handle(write([entry("one")])));
      assert.deepEqual(modes(), [0o600, 0o600]);
    }
    await Deno.chmod(path, 0o644);
    using keeper = new JournalKeeper();
    value(keeper.handle(open));
    value(keeper.handle(write([entry("two")])));
    assert.deepEqual([modes(), texts(keeper)], [[0o600, 0o600], ["two", "one"]]);
  } finally {
    Deno.umask(mask);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file of a newer program stays as it is", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/journal.sqlite`;
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE later(x); PRAGMA user_version=99");
    db.close();
    const before = await Deno.readFile(path);
    using keeper = new JournalKeeper();
    const opened = keeper.handle({ kind: "open", path, limit: 1e9, keepMs: 1e12 });
    assert.ok(!opened.ok);
    assert.equal(opened.failure.cause, "newer");
    assert.deepEqual(await Deno.readFile(path), before);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

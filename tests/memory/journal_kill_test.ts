/**
 * kill -9 of a process that writes a journal, at random moments: what is kept is all that was recorded up to some
 * moment, and the chain goes on from process to process.
 */
import assert from "node:assert/strict";
import { verifyChain } from "../../src/chain.ts";
import { JournalFile } from "../../src/memory/journal/file.ts";
import { Random } from "../soak/random.ts";

const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";
const seed = Number(Deno.env.get("MAGLEV_TEST_SEED") ?? 18);
const kills = full ? 200 : 20;
const child = new URL("./journal_child.ts", import.meta.url).pathname;

/** Runs a process until it has recorded `changes` changes and kills it; answers their places. */
async function life(path: string, changes: number): Promise<number[]> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", child, path],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const places: number[] = [];
  let rest = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    places.push(...lines.map(Number));
    if (places.length >= changes) process.kill("SIGKILL");
  }
  await process.status;
  return places;
}

Deno.test("kill -9 at random moments loses the newest tenth of a second, no more, and never the chain", async () => {
  const folder = await Deno.makeTempDir();
  const random = new Random(seed);
  const path = `${folder}/journal.sqlite`;
  try {
    let before = 0;
    const losses: number[] = [];
    for (let i = 0; i < kills; i++) {
      const recorded = await life(path, random.int(1, 60));
      using file = new JournalFile(path);
      const links = [...file.links()];
      assert.equal(verifyChain(links, null).ok, true, `kill ${i}, seed ${seed}`);
      const kept = new Set(links.map(({ seq }) => seq));
      const own = recorded.filter((seq) => kept.has(seq));
      assert.deepEqual(own, recorded.slice(0, own.length), `kill ${i}: what is lost is the newest`);
      assert.ok(kept.size >= before, `kill ${i}: what an earlier process wrote is there`);
      before = kept.size;
      losses.push(recorded.length - own.length);
    }
    // A change every 10 ms: ten for the batch, and as many for the write and the kill on a busy machine.
    const middle = losses.toSorted((a, b) => a - b)[Math.floor(losses.length / 2)] ?? 0;
    assert.ok(middle <= 20, `changes lost by each kill: ${losses}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

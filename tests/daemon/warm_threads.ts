import { type Clock, systemClock } from "../../src/clock.ts";
import { Checker } from "../../src/daemon/checker.ts";
import { silentLog } from "../../src/log/mod.ts";
import { Journal } from "../../src/memory/journal/journal.ts";
import { journalThread } from "../../src/memory/journal/thread.ts";
import { startProber } from "../../src/probes/runner.ts";

/** A clock by which nothing is ever late. */
const patient: Clock = {
  ...systemClock,
  after: () => ({ [Symbol.dispose]() {} }),
  sleep: () => new Promise(() => {}),
};

async function openedJournal(path: string): Promise<Journal> {
  const start = journalThread(() => null);
  const journal = new Journal({ clock: patient, start, path, limit: 1e9, keepMs: 1e12, onState() {} });
  await journal.open();
  return journal;
}

let warmed: Promise<void> | null = null;

async function warm(): Promise<void> {
  await using _prober = startProber({ clock: patient, log: silentLog, sink() {} });
  await new Checker(patient, () => null).check({ text: "" });
  const folder = await Deno.makeTempDir();
  try {
    await using _journal = await openedJournal(`${folder}/journal.sqlite`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * The test runner checks the types of a thread's program before it runs, which takes seconds the first time; a
 * daemon would take the thread for dead.
 */
export function warmThreads(): Promise<void> {
  return warmed ??= warm();
}

/** Which files of tests run in one process, and what the processes' closing lines sum up to. Pure. */

/** Files of tests that one process runs. */
export interface Group {
  /** A folder, or a file that runs alone. */
  readonly name: string;
  /** Paths from the root of the project. */
  readonly files: readonly string[];
}

/** At most so many files of one folder run in one process: more would leave the other lanes without work at the end. */
const MOST_FILES = 8;

/** What takes longest begins first, so that no lane is left with it at the end. */
const slowest: readonly RegExp[] = [
  /^tests\/aarch64_test\.ts$/,
  /^tests\/(soak|e2e|dashboard)\//,
  /^tests\/(probes|stories|tasks|daemon|lb|health)\//,
];

function rank(file: string): number {
  const place = slowest.findIndex((pattern) => pattern.test(file));
  return place < 0 ? slowest.length : place;
}

/** Cuts files into groups. Each file is in exactly one. */
export function groupsOf(files: readonly string[]): Group[] {
  const sorted = files.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
  const groups: { name: string; files: string[] }[] = [];
  for (const file of sorted) {
    const folder = file.slice(0, file.lastIndexOf("/"));
    const last = groups.at(-1);
    if (rank(file) === 0) groups.push({ name: file, files: [file] });
    else if (last?.name === folder && last.files.length < MOST_FILES) last.files.push(file);
    else groups.push({ name: folder, files: [file] });
  }
  return groups;
}

/** What a closing line of Deno's runner counts. */
export interface Counts {
  readonly passed: number;
  readonly steps: number;
  readonly failed: number;
  readonly failedSteps: number;
  readonly ignored: number;
}

const noCounts: Counts = { passed: 0, steps: 0, failed: 0, failedSteps: 0, ignored: 0 };

const closing =
  /^(?:ok|FAILED) \| (\d+) passed(?: \((\d+) steps?\))? \| (\d+) failed(?: \((\d+) steps?\))?(?: \| (\d+) ignored)?/gm;

/** The closing line of one process, e.g. "ok | 12 passed (1 step) | 0 failed | 2 ignored (28ms)"; null: it has none. */
export function countsOf(output: string): Counts | null {
  // deno-lint-ignore no-control-regex -- colours
  const last = [...output.replaceAll(/\x1b\[[0-9;]*m/g, "").matchAll(closing)].at(-1);
  if (last === undefined) return null;
  const [passed = 0, steps = 0, failed = 0, failedSteps = 0, ignored = 0] = last.slice(1).map((word) =>
    Number(word ?? 0)
  );
  return { passed, steps, failed, failedSteps, ignored };
}

/** What came of one process. */
export interface Ran {
  /** Whether it ended with 0. */
  readonly ok: boolean;
  /** Null: it ended before it could count. */
  readonly counts: Counts | null;
}

/** The sum of all. What failed without counting a failed test counts as one. */
export function sumOf(all: readonly Ran[]): Counts {
  return all.reduce((sum, { counts, ok }) => {
    const { passed, steps, failed, failedSteps, ignored } = counts ?? noCounts;
    return {
      passed: sum.passed + passed,
      steps: sum.steps + steps,
      failed: sum.failed + (ok ? failed : Math.max(failed, 1)),
      failedSteps: sum.failedSteps + failedSteps,
      ignored: sum.ignored + ignored,
    };
  }, noCounts);
}

/**
 * A closing line like that of Deno's runner, with minutes always.
 *
 * @param ms how long all took
 */
export function closingLine(ok: boolean, counts: Counts, ms: number): string {
  const seconds = Math.round(ms / 1000);
  const steps = (count: number) => count === 0 ? "" : ` (${count} ${count === 1 ? "step" : "steps"})`;
  return `${ok ? "ok" : "FAILED"} | ${counts.passed} passed${steps(counts.steps)} | ${counts.failed} failed${
    steps(counts.failedSteps)
  }${counts.ignored === 0 ? "" : ` | ${counts.ignored} ignored`} (${Math.floor(seconds / 60)}m${
    seconds % 60
  }s)`;
}

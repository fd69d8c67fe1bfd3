import manifest from "../deno.json" with { type: "json" };

/** Version of maglevd and maglevc, from deno.json. */
export const version: string = manifest.version;

/** What was built and when; `unknown` and the epoch where nobody wrote it down. */
export interface BuildInfo {
  /** Git commit, abbreviated to 12 digits. */
  readonly commit: string;
  /** RFC 3339. */
  readonly date: string;
}

function readHead(): string {
  const gitDirectory = new URL("../.git/", import.meta.url);
  const head = Deno.readTextFileSync(new URL("HEAD", gitDirectory)).trim();
  const reference = /^ref: (.+)$/.exec(head)?.[1];
  return reference === undefined ? head : Deno.readTextFileSync(new URL(reference, gitDirectory)).trim();
}

/** A point in time in the API's form, however a packager wrote it; the epoch if it cannot be read. */
function dateText(text: string): string {
  const ms = Date.parse(text);
  return new Date(Number.isNaN(ms) ? 0 : ms).toISOString();
}

/** Where a compiled program finds what it was built from: it has no environment of its own. */
const STAMP = "maglevBuild";

/** A statement for the head of a program that tells it what it was built from. */
export function stampStatement(build: BuildInfo): string {
  return `globalThis.${STAMP} = ${JSON.stringify(build)};\n`;
}

function stamp(): Partial<BuildInfo> {
  return (globalThis as { readonly [STAMP]?: BuildInfo })[STAMP] ?? {};
}

/**
 * Commit and date of this build. A package sets MAGLEV_COMMIT and MAGLEV_BUILD_DATE, a compiled program carries them;
 * in a checkout the commit is read from git's own files. Anything missing is `unknown`: the version number alone must
 * be enough to run.
 */
export function buildInfo(env: (name: string) => string | undefined): BuildInfo {
  const stamped = stamp();
  const date = dateText(env("MAGLEV_BUILD_DATE") ?? stamped.date ?? "");
  const given = env("MAGLEV_COMMIT") ?? stamped.commit;
  if (given !== undefined && given !== "") return { commit: given, date };
  try {
    return { commit: readHead().slice(0, 12), date };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
      return { commit: "unknown", date };
    }
    throw error;
  }
}

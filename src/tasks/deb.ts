/**
 * `deno task deb [--out <folder>] [--compression xz|gzip|none]`: makes a package for Debian of maglevd, maglevc
 * and the Deno that runs this, with dpkg-deb.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildInfo, version } from "../version.ts";
import { bundlePrograms, root, run } from "./deb_bundle.ts";
import { type BuildStamp, controlFiles, type PackageFile, packageFiles, packageName } from "./deb_tree.ts";

/** Ways to compress a package, the smallest first; none is for tests. */
export const compressions = ["xz", "gzip", "none"] as const;

const encoder = new TextEncoder();

/** How a package is made. */
export interface DebOptions {
  /** Absolute path of the folder that gets the package; made if need be. */
  readonly out: string;
  /** As dpkg-deb knows it. */
  readonly compression: (typeof compressions)[number];
}

/** When the commit was made, or null where git is missing or does not want to tell (another owner's checkout). */
async function commitTime(): Promise<Date | null> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", root, "log", "-1", "--format=%ct"],
      stdout: "piped",
      stderr: "null",
    }).output();
    return success ? new Date(Number(new TextDecoder().decode(stdout)) * 1000) : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The commit and its time; SOURCE_DATE_EPOCH wins, and without git it is now. */
export async function buildStamp(): Promise<BuildStamp> {
  const { commit } = buildInfo(Deno.env.get);
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  const date = given === undefined ? await commitTime() ?? new Date() : new Date(Number(given) * 1000);
  return { commit, date };
}

async function write(folder: string, { path, mode, content }: PackageFile, date: Date): Promise<void> {
  const target = `${folder}${path}`;
  await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true, mode: 0o755 });
  if (!(content instanceof Uint8Array)) await Deno.copyFile(content.copy, target);
  else await Deno.writeFile(target, content);
  // Named after writing: the mask of whoever builds must not decide.
  await Deno.chmod(target, mode);
  await Deno.utime(target, date, date);
}

/** Makes the package and returns its path. */
export async function buildDeb({ out, compression }: DebOptions): Promise<string> {
  const built = await buildStamp();
  const architecture = (await run("dpkg", ["--print-architecture"])).trim();
  const bundles = await bundlePrograms({ "maglevd.js": "main.ts", "maglevc.js": "src/cli/main.ts" });
  const files = await packageFiles(bundles, built);
  const folder = await Deno.makeTempDir({ prefix: "maglev-deb-" });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.chmod(folder, 0o755);
  const before = Deno.umask(0o022);
  try {
    for (const file of [...files, ...await controlFiles(files, architecture)]) {
      await write(folder, file, built.date);
    }
  } finally {
    Deno.umask(before);
  }
  await Deno.mkdir(out, { recursive: true });
  const path = `${out}/${packageName}_${version}_${architecture}.deb`;
  await run("dpkg-deb", ["--root-owner-group", `-Z${compression}`, "--build", folder, path], {
    SOURCE_DATE_EPOCH: String(Math.floor(built.date.getTime() / 1000)),
  });
  return path;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: "dist" },
      compression: { type: "string", default: "xz" },
    },
  });
  const compression = compressions.find((known) => known === values.compression);
  if (compression === undefined) {
    Deno.stderr.writeSync(encoder.encode(`--compression is one of ${compressions.join(", ")}\n`));
    Deno.exit(2);
  }
  const path = await buildDeb({ out: resolve(values.out), compression });
  Deno.stdout.writeSync(encoder.encode(`${path}\n`));
}

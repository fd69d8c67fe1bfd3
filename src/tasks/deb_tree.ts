/**
 * What is in the package: every file with its place and mode, and the files that dpkg itself reads.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import manifest from "../../deno.json" with { type: "json" };
import { completionScripts } from "../cli/completion.ts";
import { version } from "../version.ts";
import { type Bundles, root } from "./deb_bundle.ts";
import { copyright } from "./deb_licences.ts";
import { manPages } from "./man.ts";
import { libraryNeeds, symbolsOf } from "./deb_needs.ts";
import { memoryEnvironment, memoryFlags, permissionFlags } from "../deno_flags.ts";

/** One file of the package. */
export interface PackageFile {
  /** Absolute path on the target. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Octets, or the file to copy. */
  readonly content: Uint8Array | { readonly copy: string };
}

/** What a package is made for. */
export interface BuildStamp {
  /** Commit, or `unknown`. */
  readonly commit: string;
  /** Time of every file; the same input makes the same package. */
  readonly date: Date;
}

const encoder = new TextEncoder();

/** Where the sources of files are that only the package has. */
const packaging = "docs/packaging/debian";

function file(path: string, text: string, mode = 0o644): PackageFile {
  return { path, mode, content: encoder.encode(text) };
}

/** Compressed without a time in its header, as Debian wants it. */
function gzipped(path: string, text: string): PackageFile {
  return { path, mode: 0o644, content: gzipSync(text, { level: 9 }) };
}

async function copied(path: string, from: string, mode = 0o644): Promise<PackageFile> {
  return { path, mode, content: await Deno.readFile(`${root}${from}`) };
}

/**
 * Name of the package. The Go project packages its programs as vpp-maglev (the client) and vpp-maglevd, in versions
 * above ours, so an upgrade would put them in place of these.
 */
export const packageName = "maglevd-deno";

/** Packages of the Go project that have programs of the same names. */
const others = ["vpp-maglev", "vpp-maglevd"] as const;

const library = `/usr/lib/${packageName}`;
const documents = `/usr/share/doc/${packageName}`;

/**
 * A command that runs one of the programs: this Deno and nothing that is not in the package, with the rights
 * that deno.json gives the program, written out, because Deno warns of named sets at every start.
 */
export function wrapper(program: "maglevd" | "maglevc", { commit, date }: BuildStamp): string {
  const rights = permissionFlags(manifest.permissions[program === "maglevd" ? "daemon" : "client"]);
  return [
    "#!/bin/sh",
    "# Finds its files from its own place, so that the tree runs wherever it is unpacked.",
    'lib=$(dirname "$(dirname "$(readlink -f "$0")")")/lib/maglevd-deno',
    `export MAGLEV_COMMIT=${commit} MAGLEV_BUILD_DATE=${date.toISOString()} DENO_NO_UPDATE_CHECK=1`,
    ...program === "maglevd" ? [`export ${assignments(memoryEnvironment)}`] : [],
    'exec "$lib/deno" run --quiet --no-prompt --no-config --no-lock --no-remote --no-npm --cached-only \\',
    ...program === "maglevd" ? memoryFlags.map((flag) => `  ${flag} \\`) : [],
    ...rights.map((right) => `  '${right}' \\`),
    `  "$lib/${program}.js" "$@"`,
    "",
  ].join("\n");
}

function assignments(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`).join(" ");
}

/** Guides and whatever they link to. */
async function guides(): Promise<PackageFile[]> {
  const found = [await copied(`${documents}/README.md`, "README.md")];
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${root}${folder}`)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await walk(path);
      else found.push(await copied(`${documents}/${path}`, path));
    }
  };
  await walk("docs");
  return found;
}

/** Every file of the package, sorted by path. */
export async function packageFiles(bundles: Bundles, stamp: BuildStamp): Promise<PackageFile[]> {
  const day = stamp.date.toISOString().slice(0, 10);
  const files = [
    { path: `${library}/deno`, mode: 0o755, content: { copy: Deno.execPath() } },
    ...[...bundles.files].map(([name, text]) => file(`${library}/${name}`, text)),
    file("/usr/sbin/maglevd", wrapper("maglevd", stamp), 0o755),
    file("/usr/bin/maglevc", wrapper("maglevc", stamp), 0o755),
    // May come to hold credentials; postinst gives it to the group of the service.
    await copied("/etc/vpp-maglev/maglev.yaml", "docs/packaging/maglev.yaml.example", 0o640),
    await copied("/etc/default/maglevd", "docs/packaging/maglevd.default"),
    await copied("/lib/systemd/system/maglevd.service", "docs/packaging/maglevd.service"),
    file("/usr/share/bash-completion/completions/maglevc", completionScripts.bash),
    file("/usr/share/zsh/vendor-completions/_maglevc", completionScripts.zsh),
    ...[...manPages(day)].map(([name, text]) =>
      gzipped(`/usr/share/man/man${name.slice(-1)}/${name}.gz`, text)
    ),
    file(`${documents}/copyright`, await copyright(bundles.packages, Deno.version.deno)),
    gzipped(`${documents}/changelog.gz`, entry(stamp, `  * Built from commit ${stamp.commit}.\n`)),
    gzipped(`${documents}/NEWS.Debian.gz`, entry(stamp, await Deno.readTextFile(`${root}${packaging}/NEWS`))),
    await copied(`/usr/share/lintian/overrides/${packageName}`, `${packaging}/lintian-overrides`),
    ...await guides(),
  ];
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Who made the package, from the variables of Debian's own tools. */
function maintainer(): string {
  const name = Deno.env.get("DEBFULLNAME") ?? "The maintainers of maglevd";
  return `${name} <${Deno.env.get("DEBEMAIL") ?? defaultMail}>`;
}

/** A name that is nobody's (RFC 2606): the machine that builds must not stand in the package. */
const defaultMail = "maglevd@example.com";

/** An entry of a changelog or of NEWS.Debian. */
function entry({ date }: BuildStamp, text: string): string {
  const when = date.toUTCString().replace("GMT", "+0000");
  return `${packageName} (${version}) unstable; urgency=medium\n\n${text}\n -- ${maintainer()}  ${when}\n`;
}

async function octets({ content }: PackageFile): Promise<Uint8Array> {
  return content instanceof Uint8Array ? content : await Deno.readFile(content.copy);
}

/** Fills in the files that the package brings to /etc, where the script names them: `@text of maglev.yaml@`. */
async function withExamples(script: string, files: readonly PackageFile[]): Promise<string> {
  let filled = script;
  for (const entry of files) {
    if (!entry.path.startsWith("/etc/")) continue;
    const name = entry.path.slice(entry.path.lastIndexOf("/") + 1);
    const text = new TextDecoder().decode(await octets(entry));
    const place = `@text of ${name}@\n`;
    if (!filled.includes(place) || !text.endsWith("\n")) throw new Error(`preinst has no place for ${name}`);
    filled = filled.replace(place, () => text);
  }
  return filled;
}

/** The files of DEBIAN/. */
export async function controlFiles(
  files: readonly PackageFile[],
  architecture: string,
): Promise<PackageFile[]> {
  let size = 0;
  let libraries: string[] = [];
  const sums: string[] = [];
  for (const entry of files) {
    const data = await octets(entry);
    size += data.length;
    if (entry.path === `${library}/deno`) {
      libraries = await libraryNeeds(data, (name) => symbolsOf(name, architecture));
    }
    sums.push(`${createHash("md5").update(data).digest("hex")}  ${entry.path.slice(1)}\n`);
  }
  const control = [
    `Package: ${packageName}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${maintainer()}`,
    "Section: net",
    "Priority: optional",
    `Installed-Size: ${Math.ceil(size / 1024)}`,
    `Depends: ${[...libraries, "adduser"].join(", ")}`,
    ...["Conflicts", "Replaces", "Provides"].map((field) => `${field}: ${others.join(", ")}`),
    // Whom probes with TLS trust that name no ca-file.
    "Recommends: ca-certificates",
    "Enhances: vpp",
    "Description: health checker and control plane for VPP's Maglev load balancer",
    " maglevd probes backends, decides who is healthy, and keeps the lb plugin of",
    " VPP (26.10 or newer) pointed at them by the least number of changes. It shows",
    " what it knows over a REST API, Prometheus metrics and a stream of events.",
    " maglevc is its command line.",
    " .",
    " The package holds the Deno that runs both programs; nothing is fetched when",
    " they run. The service is neither enabled nor started by the installation.",
    "",
  ].join("\n");
  const script = (name: string) => copied(`/DEBIAN/${name}`, `${packaging}/${name}`, 0o755);
  const preinst = await Deno.readTextFile(`${root}${packaging}/preinst`);
  const conffiles = files.filter(({ path }) => path.startsWith("/etc/"));
  return [
    file("/DEBIAN/control", control),
    file("/DEBIAN/conffiles", conffiles.map(({ path }) => `${path}\n`).join("")),
    file("/DEBIAN/md5sums", sums.join("")),
    file("/DEBIAN/preinst", await withExamples(preinst, files), 0o755),
    await script("postinst"),
    await script("prerm"),
    await script("postrm"),
  ];
}

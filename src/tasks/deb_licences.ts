/**
 * The copyright file of the package: our licence and those of everything that is in it.
 *
 * @module
 */
import type { BundledPackage } from "./deb_bundle.ts";

/** Files in which a package says what it may be used for. */
const licenceFile = /^(licen[cs]e|notice|copying)(\.(md|txt))?$|\.licen[cs]e\.txt$/i;

/** What package.json tells, the parts used here. */
interface Manifest {
  readonly license?: string;
  readonly author?: string | { readonly name?: string };
}

/** A text in which Debian's own copy stands for that of the Apache License, as its policy wants it. */
function withoutApache(text: string): string {
  return text.replace(
    /^\s*Apache License\s+Version 2\.0, January 2004[^]*?END OF TERMS AND CONDITIONS\n?/m,
    "The Apache License, version 2.0: /usr/share/common-licenses/Apache-2.0\n",
  );
}

/** The licence of one package with the texts it came with. */
async function ofPackage({ name, version, folder }: BundledPackage): Promise<string> {
  const manifest = JSON.parse(await Deno.readTextFile(`${folder}/package.json`)) as Manifest;
  const files: string[] = [];
  for await (const { name: file } of Deno.readDir(folder)) if (licenceFile.test(file)) files.push(file);
  const texts = await Promise.all(
    files.sort().map(async (file) =>
      `[${file}]\n\n${withoutApache((await Deno.readTextFile(`${folder}/${file}`)).trim())}\n`
    ),
  );
  const { author, license } = manifest;
  const who = typeof author === "string" ? author : author?.name ?? "its authors";
  const none = files.length === 0 ? [`Copyright ${who}; it comes without a text of its licence.\n`] : [];
  return [`${name} ${version}: ${license ?? "see below"}\n`, ...texts, ...none].join("\n");
}

/** Text of the copyright file. */
export async function copyright(packages: readonly BundledPackage[], deno: string): Promise<string> {
  const rule = `\n${"-".repeat(78)}\n\n`;
  return [
    "maglevd and maglevc are licensed under the Apache License, version 2.0. On Debian its text is in\n" +
    "/usr/share/common-licenses/Apache-2.0.\n",
    `/usr/lib/maglevd-deno/deno is Deno ${deno}, copyright the Deno authors, under the MIT licence. What it is\n` +
    "built from, and under which terms, is listed at https://github.com/denoland/deno.\n",
    "The programs in /usr/lib/maglevd-deno hold code of these packages of npm:\n\n" +
    packages.map(({ name, version }) => `  ${name} ${version}\n`).join(""),
    ...await Promise.all(packages.map(ofPackage)),
  ].join(rule);
}

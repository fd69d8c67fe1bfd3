/**
 * `deno task man [folder]`: writes maglevd.8, maglevc.1 and maglev.yaml.5, by default to dist/man.
 *
 * @module
 */
import { version } from "../version.ts";
import { configPage } from "./man_config.ts";
import { maglevcPage, maglevdPage } from "./man_pages.ts";
import { roff } from "./man_roff.ts";

/** All pages by file name. */
export function manPages(date: string): Map<string, string> {
  const guide = Deno.readTextFileSync(new URL("../../docs/config-guide.md", import.meta.url));
  const options = { version, date };
  const pages = [maglevdPage(options), maglevcPage(options), configPage(options, guide)];
  return new Map(pages.map((page) => [`${page.name}.${page.section}`, roff(page)]));
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? "dist/man";
  await Deno.mkdir(folder, { recursive: true });
  const today = new Date().toISOString().slice(0, 10);
  for (const [name, text] of manPages(today)) await Deno.writeTextFile(`${folder}/${name}`, text);
}

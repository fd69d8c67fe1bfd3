/**
 * How long a large configuration takes: `deno bench -A tests/bench/config_bench.ts`. Goal: 2,000 backends in at
 * most 0.5 s, also the first time in a process, which is what a start and the first reload see.
 *
 * @module
 */
import { diffConfigs } from "../../src/config/diff.ts";
import { exportConfig } from "../../src/config/export.ts";
import { checkText, loadConfig } from "../../src/config/load.ts";
import { parseYaml } from "../../src/config/yaml.ts";
import { largeFile } from "../config/files.ts";

const text = largeFile(2_000);
const path = await Deno.makeTempFile({ suffix: ".yaml" });
await Deno.writeTextFile(path, text);
addEventListener("unload", () => Deno.removeSync(path));

const start = performance.now();
const first = loadConfig(path);
const took = performance.now() - start;
await Deno.stderr.write(
  new TextEncoder().encode(`first load of ${text.length} octets, 2000 backends: ${took.toFixed(0)} ms\n`),
);
const config = first.config;
if (config === null) throw new Error(first.parseError + first.semanticError);

Deno.bench("load 2,000 backends", () => {
  loadConfig(path);
});

Deno.bench("of that, YAML", () => {
  parseYaml(text);
});

Deno.bench("check 20 backends", () => {
  checkText(largeFile(20), "f", { fileRules: false });
});

Deno.bench("compare two configurations of 2,000 backends", () => {
  diffConfigs(config, config);
});

Deno.bench("export 2,000 backends", () => {
  exportConfig(config);
});

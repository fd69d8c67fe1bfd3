// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * Runs every benchmark of this folder, one after the other, each as a process of its own and with the flags that maglevd
 * is started with.
 *
 *   deno task bench [word of the names to run ...]
 *
 * @module
 */
import { heapFlag } from "../../src/deno_flags.ts";

const folder = new URL(".", import.meta.url);
const names: string[] = [];
for await (const { name } of Deno.readDir(folder)) {
  const wanted = Deno.args.length === 0 || Deno.args.some((word) => name.includes(word));
  if (name.endsWith("_bench.ts") && wanted) names.push(name);
}
let failed = 0;
for (const name of names.sort()) {
  console.log(`\n== ${name.replace("_bench.ts", "")} (load average ${Deno.loadavg()[0]?.toFixed(2)})`);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-code-cache", `${heapFlag},--expose-gc`, new URL(name, folder).pathname],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (code !== 0) failed++;
}
Deno.exit(failed === 0 ? 0 : 1);

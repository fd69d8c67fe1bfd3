/**
 * A process that logs more than a pipe takes, and says on standard error that it is done; then, for each line that
 * comes in, logs one more.
 *
 *   deno run -A stdout_child.ts LINES
 */
import { writeStdout } from "../../src/files/stdout.ts";
import { LogOutput } from "../../src/log/output.ts";

const output = new LogOutput(writeStdout);
output.onRecovered = (lines) => output.write(`${JSON.stringify({ lost: lines })}\n`);
// Every fifth line is longer than a piece, and every fiftieth longer than what a pipe takes after it was ready.
const length = (i: number) => i % 50 === 49 ? 20_000 : i % 5 === 4 ? 6000 : 100;
let i = 0;
const log = () => output.write(`${JSON.stringify({ line: i, text: "x".repeat(length(i++)) })}\n`);
while (i < Number(Deno.args[0])) log();
await Deno.stderr.write(new TextEncoder().encode("done\n"));
for await (const _line of Deno.stdin.readable) log();

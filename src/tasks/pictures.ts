/**
 * `deno task pictures`: writes docs/pictures/terminal.svg, a session of maglevc beside a real run of the demo, with a
 * backend that is killed in it.
 *
 * @module
 */
import { Part } from "../demo/part.ts";
import { terminalSvg } from "./terminal_svg.ts";

const root = new URL("../../", import.meta.url);
const columns = 120;
const listen = "127.0.0.1:19099";

/** What is typed; `kill b1` goes to the demo. */
const session: readonly (readonly string[])[] = [
  ["show", "frontends"],
  ["show", "frontend", "www"],
  ["show", "backend", "b1"],
];

async function run(program: string, args: readonly string[]): Promise<string[]> {
  const command = new Deno.Command(program, {
    args: ["--color=always", ...args],
    env: { COLUMNS: String(columns) },
  });
  return new TextDecoder().decode((await command.output()).stdout).trimEnd().split("\n");
}

const demo = new URL("src/demo/main.ts", root).pathname;
let folder = "";
await using part = new Part("demo", ["run", "-A", demo, "--listen", listen], null, (line) => {
  folder = /^Everything is up\. Files: (\S+)$/.exec(line)?.[1] ?? folder;
  return line.startsWith("Events follow");
});
await part.ready;
await part.ask("kill b1");
// The failover is through when b1 is down, and its buckets are known within a second after that.
for (let tries = 0; tries < 100; tries++) {
  const rows = (await run(`${folder}/maglevc`, ["show", "frontend", "www"])).join("\n");
  if (rows.includes("down") && !/ -\n/.test(rows)) break;
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const lines: string[] = [];
for (const words of session) {
  lines.push(
    `\u001b[2m$\u001b[0m \u001b[1mmaglevc ${words.join(" ")}\u001b[0m`,
    ...await run(`${folder}/maglevc`, words),
    "",
  );
}
await Deno.mkdir(new URL("docs/pictures/", root), { recursive: true });
await Deno.writeTextFile(
  new URL("docs/pictures/terminal.svg", root),
  terminalSvg(lines.slice(0, -1), columns, "maglevc after a backend was killed"),
);

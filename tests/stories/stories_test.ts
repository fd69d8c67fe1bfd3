import assert from "node:assert/strict";
import { runStory } from "./runner.ts";

const here = new URL("./", import.meta.url);
const names = [...Deno.readDirSync(here)].map((file) => file.name).filter((name) => name.endsWith(".story"))
  .sort();

for (const name of names) {
  Deno.test(`story: ${name.replace(/\.story$/, "").replaceAll("_", " ")}`, async () => {
    await runStory(name, await Deno.readTextFile(new URL(name, here)));
  });
}

Deno.test("there are stories", () => assert.ok(names.length >= 12, `${names.length}`));

const opening =
  "check web rise=2 fall=3\nbackend b1 10.0.0.1 check=web\nfrontend www 192.0.2.1 only: b1=10\nstart\n";
const wrong: readonly (readonly [string, RegExp])[] = [
  ["expect b1 up", /^Error: x:5: expect b1 up: /],
  ["expect b1 unknown h=2/4", /x:5: /],
  ["expect b1 unknown every=1s", /x:5: /],
  ["expect www up", /x:5: /],
  ["probe b1 L4OK", /x:end: : a transition that the story does not tell/],
  ["probe b1 L4OK\nexpect told b1 unknown -> up L4OK www 0->100", /x:6: /],
  ["expect told b1 unknown -> up L4OK", /x:5: /],
  ["operator pause b9", /x:5: /],
  ["operator resume b1", /x:5: /],
  ["expect blind b1", /x:5: /],
  ["expect servers www 10.0.0.1=10", /x:5: /],
  ["expect forgotten b1 paused", /x:5: /],
  ["probe b2 L4OK", /x:5: .*b2 is not probed/],
  ["t=5s expect b1 unknown\nt=4s expect b1 unknown", /x:6: .*time goes forward/],
  ["sing", /x:5: sing: unknown verb/],
  ["check web colour=blue", /x:5: .*unknown key colour/],
];
for (const [lines, message] of wrong) {
  Deno.test(`a story that is not true fails at its line: ${lines.replaceAll("\n", "; ")}`, async () => {
    await assert.rejects(runStory("x", opening + lines), (error: unknown) => message.test(String(error)));
  });
}

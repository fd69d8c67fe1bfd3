/**
 * A short soak, so that the soak itself stays true; `MAGLEV_TEST_SOAK=60s` makes it a longer one. The seed is in
 * the output, and `deno task soak --seed …` repeats the run.
 */
import assert from "node:assert/strict";
import { parseDuration } from "../../src/duration.ts";
import { project } from "../e2e/harness.ts";

const wanted = Deno.env.get("MAGLEV_TEST_SOAK") ?? "";
const long = wanted !== "";
const length = long ? wanted : "5s";
const size = long ? [] : ["--backends", "60", "--seed", "1"];

async function soak(...args: string[]): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", project("tests/soak/main.ts"), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test(`a soak of ${length}: nothing is lost and nothing leaks${long ? "" : " (MAGLEV_TEST_SOAK is not set)"}`, async () => {
  assert.ok(parseDuration(length).ok, `MAGLEV_TEST_SOAK=${wanted}`);
  const { code, output } = await soak("--for", length, ...size);
  assert.equal(code, 0, output);
  assert.match(output, /^seed \d+: all is well$/m);
  for (const done of ["VPP restart", "backend down", "weight", "subscriber came"]) {
    assert.match(output, new RegExp(`^  ${done}: [1-9]`, "m"), output);
  }
});

Deno.test("the soak names wrong flags", async () => {
  for (const [flag, value] of [["--for", "soon"], ["--seed", "x"], ["--backends", "3"]] as const) {
    const { code, output } = await soak(flag, value);
    assert.equal(code, 2);
    assert.match(output, new RegExp(`${flag} ${value}.*\\nusage: deno task soak`));
  }
});

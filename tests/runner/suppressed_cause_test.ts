import assert from "node:assert/strict";

Deno.test("a test that fails, and then fails at its end, is printed with both errors", async () => {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  await using _ = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  await Deno.writeTextFile(
    `${folder}/a_test.ts`,
    `Deno.test("a", () => {
       using _end = { [Symbol.dispose]() { throw new Error("the end"); } };
       throw new Error("the fault");
     });`,
  );
  const preload = new URL("suppressed_cause.ts", import.meta.url).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--no-config", "--preload", preload, `${folder}/a_test.ts`],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 1);
  assert.match(text, /Error: the fault[^]*Error: the end/);
});

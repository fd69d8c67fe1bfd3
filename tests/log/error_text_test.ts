import assert from "node:assert/strict";
import { errorText } from "../../src/log/error_text.ts";

Deno.test("the text of an error has those of its cause, of its parts and of both errors of a SuppressedError", () => {
  const suppressed = () => {
    using _end = {
      [Symbol.dispose]() {
        throw new Error("the end", { cause: "a cause that is no error" });
      },
    };
    throw new AggregateError([new TypeError("part 1"), "part 2"], "what failed first");
  };
  let text = "";
  try {
    suppressed();
  } catch (error) {
    text = errorText(error);
  }
  const lines = text.split("\n").filter((line) => !line.startsWith("    at "));
  assert.deepEqual(lines, [
    "SuppressedError: An error was suppressed during disposal",
    "failed first: AggregateError: what failed first",
    "one of them: TypeError: part 1",
    "one of them: part 2",
    "failed while that was cleaned up: Error: the end",
    "caused by: a cause that is no error",
  ]);
  assert.equal(errorText("no error"), "no error");
  assert.equal(errorText(undefined), "undefined");
  assert.equal(errorText(Object.create(null)), "[object Object]", "it has no text of its own");
  assert.equal(errorText({ password: "hunter2" }), "[object Object]", "a field may be a secret");
});

Deno.test("an error that is its own cause has an end", () => {
  const error = new Error("round");
  error.cause = error;
  assert.ok(errorText(error).split("caused by: ").length < 10);
  assert.ok(errorText(error).endsWith("\n..."));
});

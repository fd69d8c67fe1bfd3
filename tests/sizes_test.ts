/** Files stay small enough to know. */
import assert from "node:assert/strict";

/** Lines of a file that somebody wrote, at most. */
const LIMIT = 400;

const root = new URL("../", import.meta.url);
/** What holds code, with all that is below. */
const places = ["main.ts", "ffi/", "routes/", "src/", "tests/"];
/** What programs write. */
const generated = [/^src\/dashboard\/generated\//, /^tests\/fixtures\//];

async function* sources(place: string): AsyncGenerator<string> {
  if (!place.endsWith("/")) {
    yield place;
    return;
  }
  for await (const { isDirectory, name } of Deno.readDir(new URL(place, root))) {
    if (isDirectory && name !== "node_modules") yield* sources(`${place}${name}/`);
    else if (/\.(tsx?|js)$/.test(name)) yield `${place}${name}`;
  }
}

Deno.test(`no file that somebody wrote has more than ${LIMIT} lines`, async () => {
  const long: string[] = [];
  let count = 0;
  for (const place of places) {
    for await (const file of sources(place)) {
      if (generated.some((pattern) => pattern.test(file))) continue;
      count++;
      const lines = (await Deno.readTextFile(new URL(file, root))).split("\n").length - 1;
      if (lines > LIMIT) long.push(`${file}: ${lines} lines`);
    }
  }
  assert.ok(count > 500, "the sources are there");
  assert.deepEqual(long, []);
});

/** Long output, one screen at a time. */
import assert from "node:assert/strict";
import type { Output } from "../../../src/cli/context.ts";
import { type Key, named } from "../../../src/cli/shell/keys.ts";
import { PagedOutput } from "../../../src/cli/shell/pager.ts";
import { layout, table } from "../../../src/cli/table.ts";
import { line, paint } from "../../../src/cli/text.ts";

/** A terminal of 20 columns and 6 rows; `keys` are pressed one after the other. */
async function paged(
  print: (out: PagedOutput) => void,
  keys: string,
  size = { width: 20, height: 6 },
): Promise<string[]> {
  const shown: string[] = [];
  const out: Output = {
    terminal: true,
    ...size,
    print: (blocks) => shown.push(...paint(layout(blocks, size.width), false).trimEnd().split("\n")),
    json: () => assert.fail("held back JSON is printed as lines"),
    raw: (text) => {
      const prompt = text.replaceAll("\r", "").replaceAll("\x1b[K", "");
      if (prompt !== "") shown.push(`[${prompt}]`);
    },
    complain: (blocks) => shown.push(`error: ${paint(layout(blocks, size.width), false).trimEnd()}`),
    redraw: () => shown.push("redraw"),
    keep: () => shown.push("keep"),
    unpaged() {},
    fullScreen: null,
  };
  const pressed: Key[] = [...keys.matchAll(/<([a-z-]+)>|([^<])/g)].map(([, name, text = ""]) =>
    name === undefined ? { name: "text", text } : named(name)
  );
  const pages = new PagedOutput(out);
  print(pages);
  await pages.page({
    waiting: false,
    next() {
      const key = pressed.shift();
      assert.ok(key !== undefined, `one more key was asked for: ${shown.at(-1)}`);
      return Promise.resolve(key);
    },
  });
  assert.deepEqual(pressed, [], "every key was asked for");
  return shown;
}

const numbered = (count: number) => (out: PagedOutput) =>
  out.print(Array.from({ length: count }, (_, i) => line(`line ${i + 1}`)));
const from = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => `line ${first + i}`);

Deno.test("pager: what fits is shown at once, more stops at each screen", async () => {
  assert.deepEqual(await paged(numbered(5), ""), from(1, 5));
  assert.deepEqual(await paged(numbered(12), "  "), [
    ...from(1, 5),
    "[--More--(41%)]",
    ...from(6, 10),
    "[--More--(83%)]",
    ...from(11, 12),
  ]);
  assert.deepEqual(await paged(numbered(7), "<enter><enter>"), [
    ...from(1, 5),
    "[--More--(71%)]",
    "line 6",
    "[--More--(85%)]",
    "line 7",
  ]);
  assert.deepEqual(await paged(numbered(9), "q"), [...from(1, 5), "[--More--(55%)]"]);
  assert.deepEqual(await paged(numbered(9), "<ctrl-c>"), [...from(1, 5), "[--More--(55%)]"]);
  assert.deepEqual(await paged(numbered(20), "G"), [...from(1, 5), "[--More--(25%)]", ...from(6, 20)]);
});

Deno.test("pager: a search goes on to the first line that holds the text, n to the next", async () => {
  assert.deepEqual(await paged(numbered(40), "/NE 2<enter>q".replace("NE", "ne")), [
    ...from(1, 5),
    "[--More--(12%)]",
    ...["[/]", "[/n]", "[/ne]", "[/ne ]", "[/ne 2]"],
    ...from(20, 24),
    "[--More--(60%)]",
  ]);
  const twice = await paged(numbered(40), "/3<enter>nq");
  assert.deepEqual(twice.filter((row) => row.startsWith("line")).slice(5), [
    ...from(13, 17),
    ...from(23, 27),
  ]);
  const none = await paged(numbered(9), "/zzz<enter> ");
  assert.ok(none.includes("[--More--(55%)  not found]"));
  // Ctrl-C leaves the search and not the pager.
  assert.deepEqual((await paged(numbered(9), "/z<ctrl-c> ")).at(-1), "line 9");
  const odd = await paged(numbered(9), "x ");
  assert.ok(odd.some((row) => row.includes("space: next screen")));
});

Deno.test("pager: long lines count for the rows they take, and errors keep their place", async () => {
  const shown = await paged((out) => {
    out.print([{ verbatim: line("a".repeat(50)) }]);
    out.complain([line("wrong")]);
    out.print(table([{ title: "T" }], [["1"], ["2"]]));
    out.json('{"a":\n1}');
  }, " ");
  assert.deepEqual(shown, ["a".repeat(50), "error: wrong", "T", "[--More--(42%)]", "1", "2", '{"a":', "1}"]);
  // A line of more rows than the screen is shown all the same.
  assert.deepEqual(await paged((out) => out.print([{ verbatim: line("b".repeat(300)) }, line("c")]), " "), [
    "b".repeat(300),
    "[--More--(50%)]",
    "c",
  ]);
});

Deno.test("pager: what is drawn in place, and what is not to be paged, is not held back", async () => {
  const shown = await paged((out) => {
    out.print([line("one")]);
    out.redraw([line("two")]);
    out.keep();
    out.unpaged();
    numbered(20)(out);
  }, "");
  assert.deepEqual(shown, ["one", "redraw", "keep", ...from(1, 20)]);
});

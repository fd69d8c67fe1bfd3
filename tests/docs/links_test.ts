import assert from "node:assert/strict";
import { documents, exists } from "./documents.ts";
import { anchors, codeSpans, links, parts, slug } from "./markdown.ts";

const all = await documents();

/** Path from the root that a link of a document leads to. */
function resolve(from: string, path: string): string | null {
  if (path === "") return from;
  const url = new URL(path, `file:///project/${from}`);
  return url.pathname.startsWith("/project/") ? decodeURIComponent(url.pathname.slice(9)) : null;
}

Deno.test("every link of the documents leads to a file of the project, and every anchor to a heading", async () => {
  const broken: string[] = [];
  let checked = 0;
  for (const [from, text] of all) {
    for (const { target, line } of links(text)) {
      if (/^(https?:|mailto:)/.test(target)) continue;
      checked++;
      const [path = "", anchor] = target.split("#");
      const place = resolve(from, path);
      if (place === null || path.startsWith("/") || !await exists(place)) {
        broken.push(`${from}:${line}: there is no ${target}`);
      } else if (
        anchor !== undefined && all.get(place) !== undefined && !anchors(all.get(place) ?? "").has(anchor)
      ) {
        broken.push(`${from}:${line}: ${place} has no heading #${anchor}`);
      } else if (anchor !== undefined && !all.has(place)) {
        broken.push(`${from}:${line}: ${place} has no headings`);
      }
    }
  }
  assert.deepEqual(broken, []);
  assert.ok(checked > 10);
});

Deno.test("every file that the documents name exists", async () => {
  const missing: string[] = [];
  let checked = 0;
  for (const [from, text] of all) {
    for (const [index, line] of parts(text).prose.entries()) {
      for (const span of codeSpans(line)) {
        if (!/^(?:docs|src|tests|routes|ffi|\.ci)\/[\w./-]*$/.test(span)) continue;
        checked++;
        if (!await exists(span)) missing.push(`${from}:${index + 1}: there is no ${span}`);
      }
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(checked > 20);
});

Deno.test("every document can be reached from README.md", () => {
  const reached = new Set<string>();
  const queue = ["README.md"];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    for (const { target } of links(all.get(next) ?? "")) {
      const place = resolve(next, target.split("#")[0] ?? "");
      if (place !== null && all.has(place)) queue.push(place);
    }
  }
  assert.deepEqual([...all.keys()].filter((path) => !reached.has(path)), []);
});

Deno.test("anchors are made as GitHub makes them", () => {
  const expected = {
    "Quick start": "quick-start",
    "`maglevc show vpp lb plan [<f>]`": "maglevc-show-vpp-lb-plan-f",
    "What to do when …": "what-to-do-when-",
    "C++ & you": "c--you",
    "**Bold** and _soft_ and snake_case": "bold-and-soft-and-snake_case",
    "See [the guide](guide.md#x)": "see-the-guide",
    "Größe, 5–6": "größe-56",
    "vpp.lb.foreign-vips": "vpplbforeign-vips",
  };
  for (const [heading, anchor] of Object.entries(expected)) assert.equal(slug(heading), anchor);
  const document = '# A\n\n## A\n\n```sh\n# no heading\n```\n\n### A ###\n\n<a id="x"></a>\n';
  assert.deepEqual([...anchors(document)], ["a", "a-1", "a-2", "x"]);
});

Deno.test("links are found in prose and not in code", () => {
  const document = [
    '[a](one.md) and ![b](two.png "title") and `[c](no.md)`',
    "[d]: three.md",
    "```",
    "[e](no.md)",
    "```",
    "[f](<four.md>)",
  ].join("\n");
  assert.deepEqual(links(document).map(({ target, line }) => `${line} ${target}`), [
    "1 one.md",
    "1 two.png",
    "2 three.md",
    "6 four.md",
  ]);
  assert.throws(() => parts("```sh\nls\n"), SyntaxError);
});

/** Filters behind `|`, in the shell and in one command. */
import assert from "node:assert/strict";
import { completionLines } from "../../src/cli/completion.ts";
import { grammar } from "../../src/cli/commands/grammar.ts";
import { mismatchText } from "../../src/cli/grammar.ts";
import { lineHelp, toTokens } from "../../src/cli/run.ts";
import { splitLine } from "../../src/cli/tokens.ts";
import { err } from "../../src/result.ts";
import { startDaemon } from "./daemon.ts";
import { news } from "./site_answers.ts";
import { start } from "./process.ts";
import { run } from "./session.ts";

Deno.test("pipes: rows of tables and lines are filtered, and titles stay with the rows that stay", async () => {
  await using daemon = startDaemon();
  const names = async (text: string) =>
    (await run(daemon, text)).out.split("\n").map((row) => row.split(" ")[0] ?? "");
  assert.deepEqual(await names("show backends | include refused"), ["BACKEND", "web3", ""]);
  assert.deepEqual(await names("show backends | exclude web"), ["BACKEND", "spare1", "ns1", ""]);
  assert.deepEqual(await names("show backends | begin web3"), ["BACKEND", "web3", "spare1", "ns1", ""]);
  assert.deepEqual(await names("show backends | last 2"), ["BACKEND", "spare1", "ns1", ""]);
  assert.deepEqual(await names("show backends | include web | exclude down | last 1"), [
    "BACKEND",
    "web2",
    "",
  ]);
  assert.deepEqual(await names("show backends | include nothing"), [""]);
  // A row is what it is as a whole, however it is wrapped.
  const narrow = await run(daemon, "show frontends | include takes.over", { width: 60 });
  assert.match(narrow.out, /^FRONTEND[^]*\nwww /);
  assert.doesNotMatch(narrow.out, /www6/);
  // Upper case counts only where there is some.
  assert.deepEqual(await names("show backends | include CONNECTION"), [""]);
  assert.deepEqual(await names("show backends | include Connection"), [""]);
  assert.deepEqual(await names("show backends | include l4con"), ["BACKEND", "web3", ""]);
  assert.deepEqual(await names('show backends | include "web1|ns1"'), ["BACKEND", "web1", "ns1", ""]);
  assert.deepEqual(await names("show backends | include web1|ns1"), ["BACKEND", "web1", "ns1", ""]);
  // Words are shortened here as elsewhere, and blanks around the bar are not needed.
  assert.deepEqual(await names("sh back |inc web |ex web2 |la 1"), ["BACKEND", "web3", ""]);
});

Deno.test("pipes: count, csv and json", async () => {
  await using daemon = startDaemon();
  assert.equal((await run(daemon, "show backends | count")).out, "5\n");
  assert.equal((await run(daemon, "show backends | include web | count")).out, "3\n");
  assert.equal((await run(daemon, "show backends | include nothing | count")).out, "0\n");
  const counters = (await run(daemon, "show vpp lb counters | csv")).out.split("\n");
  assert.equal(counters[0], "VIP,ADDRESS,PORT,NEXT,/s,FIRST,/s,UNTRACKED,/s,NO SERVER,/s");
  assert.equal(counters[1], "www,192.0.2.1,tcp 443,1539567,61.0k,98800,7.0,12,0,15,3.0");
  assert.deepEqual(counters.filter((row) => row === "").length, 3, "an empty line between two tables");
  const csv = (await run(daemon, 'show frontends | include "shop|dns" | csv')).out;
  assert.match(
    csv,
    /\nwww,192\.0\.2\.1,.*,"the shop, with a spare that takes over when nothing else is left"\n/,
  );
  // Nothing is wrapped or left out for a narrow terminal.
  assert.equal((await run(daemon, 'show frontends | include "shop|dns" | csv', { width: 40 })).out, csv);
  const pairs = (await run(daemon, "show healthcheck dns | csv")).out;
  assert.match(pairs, /^healthcheck,dns\ntype,icmp\n/);
  assert.equal((await run(daemon, "show vpp lb sync | csv")).code, 2);
  const json = await run(daemon, "show healthchecks | json");
  assert.deepEqual(JSON.parse(json.out), JSON.parse((await run(daemon, "show healthchecks --json")).out));
  const filtered = await run(daemon, 'show healthchecks | json | include "\\"name\\":"');
  assert.equal(filtered.out.trim().split("\n").length, 2, filtered.out);
  assert.equal((await run(daemon, "show backends | no-more")).out, (await run(daemon, "show backends")).out);
});

Deno.test("pipes: what goes on and on is filtered as it comes; errors are not filtered", async () => {
  await using daemon = startDaemon();
  daemon.news.push(...news);
  const seen: string[] = [];
  const watch = await run(daemon, "watch events num 2 | include frontend", {
    width: 100,
    onOutput: (text) => seen.push(text),
  });
  assert.deepEqual([watch.code, watch.out.trim().split("\n").length, seen.length], [0, 5, 5]);
  assert.equal((await run(daemon, "watch events num 2 | count", { width: 100 })).out, "12\n");
  // Without a terminal the lines are JSON, and are filtered as such.
  const lines = (await run(daemon, "watch events new num 2 | include backend.:.web1")).out.trim();
  assert.equal(JSON.parse(lines).backend, "web1");
  const refused = await run(daemon, "show backend nobody | include x");
  assert.deepEqual([refused.code, refused.out], [1, ""]);
  assert.match(refused.err, /nobody/);
});

Deno.test("pipes: a wrong filter is named with its place, and nothing is run", async () => {
  await using daemon = startDaemon();
  const cases: [string, string][] = [
    [
      "set backend web1 pause | grep x",
      'word 6: unknown "grep"; expected include, exclude, begin, count, last, json, csv or no-more',
    ],
    ["set backend web1 pause | inclde x", 'word 6: unknown "inclde"; did you mean "include"? expected '],
    ["set backend web1 pause |", "word 6 is missing; expected include, exclude"],
    ["set backend web1 pause | | count", "word 6 is missing; expected include"],
    ["set backend web1 pause | include (", 'word 7: "(": <re> is a regular expression (Unterminated group)'],
    ["set backend web1 pause | last x", 'word 7: "x": <n> is a whole number'],
    ["set backend web1 pause | count | json", 'word 8: "json": comes first behind the command'],
    ["set backend web1 pause | json | csv", 'word 8: "csv": is made of tables, and JSON has none'],
    ["--json set backend web1 pause | csv", 'word 6: "csv": is made of tables'],
    ["set backend web1 | count", "word 4 is missing; expected pause"],
    ["| count", "word 1 is missing; expected show"],
  ];
  for (const [text, wanted] of cases) {
    const { code, err } = await run(daemon, text);
    assert.equal(code, 2, text);
    assert.ok(err.startsWith(`maglevc: ${wanted}`), `${text}: ${err}`);
  }
  assert.deepEqual(daemon.control.commands, []);
  assert.equal(mismatchText({ kind: "refused", index: 1, word: "a", reasons: ["b"] }), 'word 2: "a": b');
});

Deno.test("pipes: one command takes the same words, quoted or not", async () => {
  const words = (...args: string[]) => toTokens(args).map(({ text, quoted }) => quoted ? `"${text}"` : text);
  assert.deepEqual(words("show", "backends", "|", "include", "down"), [
    "show",
    "backends",
    "|",
    "include",
    "down",
  ]);
  assert.deepEqual(words("show", "backends", "| include down"), ["show", "backends", "|", "include", "down"]);
  assert.deepEqual(words("show backends | include down"), ["show", "backends", "|", "include", "down"]);
  assert.deepEqual(words("show", "backends", '| include "a b" |count'), [
    "show",
    "backends",
    "|",
    "include",
    '"a b"',
    "|",
    "count",
  ]);
  assert.deepEqual(words("probe", "www", "path", '"/a b?"'), ["probe", "www", "path", '"/a b?"']);
  // A word with blanks among others is one word, as the shell gave it.
  assert.deepEqual(words("show", "x y"), ["show", "x y"]);
  assert.deepEqual(splitLine('a|b |c || "|" \\|d').tokens.map(({ text }) => text), [
    "a|b",
    "|",
    "c",
    "|",
    "|",
    "|",
    "|d",
  ]);
  await using daemon = startDaemon();
  const env = { MAGLEV_SERVER: daemon.url };
  for (
    const args of [["show", "backends", "|", "include", "web", "|", "count"], [
      "show",
      "backends",
      "| include web",
      "| count",
    ], ["show backends | include web | count"]]
  ) {
    assert.deepEqual(await start(args, { env }), { code: 0, out: "3\n", err: "" });
  }
  assert.equal(
    (await start(["show backends"], { env })).out,
    (await start(["show", "backends"], { env })).out,
  );
});

Deno.test("pipes: they are completed, and ? shows them", async () => {
  const complete = async (line: string) =>
    (await completionLines(grammar, line, () => undefined, () => err("none"))).split("\n").map((row) =>
      row.split("\t")[0]
    );
  assert.deepEqual(await complete("maglevc show backends | "), [
    ...["include", "exclude", "begin", "count", "last", "json", "csv", "no-more"],
    "",
  ]);
  assert.deepEqual(await complete("maglevc show backends | include x | ex"), ["exclude", ""]);
  const help = await lineHelp(grammar, "show backends | l", null);
  assert.deepEqual(help, ["  last  the last n of them"]);
  assert.match(
    (await lineHelp(grammar, "show backends ", null)).join("\n"),
    /<cr>.*\n {2}\| +filter what it prints/,
  );
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { grammar } from "../../src/cli/commands/grammar.ts";
import { expected, follow, type Grammar, mismatchText, parse, start } from "../../src/cli/grammar.ts";
import { parseSyntax, steps } from "../../src/cli/syntax.ts";
import { splitLine } from "../../src/cli/tokens.ts";

/** What a line means: the command's syntax and its arguments, or the sentence that refuses it. */
function read(text: string): string {
  const parsed = parse(grammar, splitLine(text).tokens);
  if (!parsed.ok) return mismatchText(parsed.error);
  const values = [...parsed.value.values].map(([name, value]) => ` ${name}=${value}`).join("");
  return parsed.value.command.syntax + values;
}

for (
  const [text, meaning] of [
    // Exact, then unique prefix, then argument.
    ["show version", "show version"],
    ["sh ver", "show version"],
    ["show vpp", "show vpp [info]"],
    ["sh vpp i", "show vpp [info]"],
    ["sh vpp l s", "show vpp lb state [<frontend>]"],
    ["sh vpp l s www", "show vpp lb state [<frontend>] frontend=www"],
    ["sync vpp lb state www", "sync vpp lb state [<frontend>] [plan <digest>] frontend=www"],
    ["sync vpp lb state plan d1", "sync vpp lb state [<frontend>] [plan <digest>] digest=d1"],
    ["sync vpp lb state www pl d1", "sync vpp lb state [<frontend>] [plan <digest>] frontend=www digest=d1"],
    // A prefix of a keyword is the keyword, unless it is quoted.
    ["sync vpp lb state p", "word 6 is missing; expected <digest>"],
    ['sync vpp lb state "p"', "sync vpp lb state [<frontend>] [plan <digest>] frontend=p"],
    // A word and its plural: the plural ends the line, the singular takes a name.
    ["sh back", backendsSyntax()],
    ["sh back web*", `${backendsSyntax()} glob=web*`],
    ["sh back down", backendsSyntax()],
    ["show backends b1 sort to", `${backendsSyntax()} glob=b1 column=to`],
    ["sh back b1", "show backend <backend> backend=b1"],
    ["sh front", "show frontends [<glob>] [up|down|unknown]"],
    ["sh front www t", "show frontend <frontend> table frontend=www"],
    ["sh h", "show healthchecks"],
    ["sh h web", "show healthcheck <healthcheck> healthcheck=web"],
    ["show backend", "word 3 is missing; expected <backend>"],
    ["show healthchecks b1", 'word 3: unexpected "b1"; the command ends before it'],
    // Ambiguity.
    ["sh v", 'word 2: "v" is ambiguous: version, vpp'],
    ["s", 'word 1: "s" is ambiguous: show, set, sync'],
    // Unknown, missing and wrong words.
    ["show vpp lb sate", 'word 4: unknown "sate"; did you mean "state"? expected state, counters or plan'],
    [
      "show fronted",
      'word 2: unknown "fronted"; did you mean "frontend"? expected problems, version, frontends, ' +
      "frontend, backends, backend, healthchecks, healthcheck, config, overrides, fleet, vpp or events",
    ],
    ["set backend b1 stop", 'word 4: unknown "stop"; expected pause, resume, disable or enable'],
    ["set backend b1", "word 4 is missing; expected pause, resume, disable or enable"],
    [
      "set frontend f pool p backend b weight 101",
      'word 9: "101": <weight> is a whole number from 0 to 100',
    ],
    // A text goes on until a keyword, or to the end of its quotes.
    [
      "set backend b1 pause reason bad disk 7 for 30m dry-run",
      `${setSyntax()} backend=b1 text=bad disk 7 span=30m`,
    ],
    ["set backend b1 pause reason bad disk", `${setSyntax()} backend=b1 text=bad disk`],
    [
      'set backend b1 pause reason "disk for b1" for 2h',
      `${setSyntax()} backend=b1 text=disk for b1 span=2h`,
    ],
    [
      "set backend b1 pause reason bad disk dry",
      'word 8: "dry" may be dry-run, or belong to <text>: write the word in full, or quote the <text>',
    ],
    ['set backend b1 pause reason "bad disk" dry', `${setSyntax()} backend=b1 text=bad disk`],
    [
      'set backend b1 pause reason "bad disk" 7',
      'word 7: unknown "7"; expected for, until, everywhere, dry-run or yes',
    ],
    [
      `set backend b1 pause reason ${"x".repeat(499)} zz`,
      'word 7: "zz": <text> is a text of at most 500 characters without control characters',
    ],
    // Options stand in any order, each once, with what belongs to them.
    ["watch events vpp log level d num 3", `${watchSyntax()} n=3`],
    [
      "watch events level info",
      'word 3: unknown "level"; expected new, since, num, log, backend, frontend, vpp or for',
    ],
    [
      "watch events vpp vpp",
      'word 4: unknown "vpp"; expected new, since, num, log, backend, frontend or for',
    ],
    // An optional argument before a demanded one.
    ["whereis 192.0.2.7 www", `${whereisSyntax()} client=192.0.2.7 frontend=www`],
    ["whereis 192.0.2.7 80 www", `${whereisSyntax()} client=192.0.2.7 port=80 frontend=www`],
    ["whereis 192.0.2.7 80", `${whereisSyntax()} client=192.0.2.7 frontend=80`],
    ["whereis 192.0.2.7 80 after-plan", `${whereisSyntax()} client=192.0.2.7 frontend=80`],
    ["whereis web www", 'word 2: "web": <client> is an IPv4 or IPv6 address'],
  ] as const
) {
  Deno.test(`grammar: ${text}`, () => assert.equal(read(text), meaning));
}

function backendsSyntax(): string {
  return "show backends [<glob>] [up|down|unknown|paused|disabled] [check <healthcheck>] [sort <column>]";
}

function setSyntax(): string {
  return "set backend <backend> pause|resume|disable|enable [for <span>] [until <time>] [reason <text>] [everywhere [force]] [dry-run] [yes]";
}

function watchSyntax(): string {
  return "watch events [new] [since <since>] [num <n>] [log [level debug|info|warn|error]] [backend] [frontend] [vpp] [for <name>]";
}

function whereisSyntax(): string {
  return "whereis <client> [<port>] <frontend> [after-plan]";
}

Deno.test("every keyword and argument that can be reached has a line of help", () => {
  const seen = new Set<string>();
  const visit = (positions: ReturnType<typeof start<unknown>>, depth: number): void => {
    assert.ok(depth < 40, "the grammar ends");
    const g: Grammar<unknown> = grammar;
    for (const option of expected(g, positions)) {
      assert.notEqual(option.help, "", `help for ${option.text}`);
      const key = `${positions[0]?.words[0]} ${option.text}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const next = positions.flatMap((position) =>
        steps(position.rest).steps.flatMap(({ leaf, rest }) => {
          if (leaf.kind === "argument") {
            return `<${leaf.name}>` === option.text ? [{ ...position, rest }] : [];
          }
          return leaf.words.includes(option.text)
            ? [{ ...position, rest, words: [...position.words, option.text] }]
            : [];
        })
      );
      visit(next, depth + 1);
    }
  };
  visit(start(grammar), 0);
  assert.ok(seen.size > 60, `${seen.size} reached`);
});

Deno.test("every unique prefix of every keyword of a command means what the full words mean", () => {
  const g: Grammar<unknown> = {
    commands: ["alpha beta", "alpha better <x>", "albatross gamma|delta [eps] [zeta <x>]"].map((syntax) => ({
      syntax,
      help: "h",
      run: null,
    })),
    arguments: { x: { help: "x", refuses: () => null } },
    words: {},
  };
  const lines = [["alpha", "beta"], ["alpha", "better", "1"], ["albatross", "delta", "zeta", "1", "eps"]];
  const unique = new Map([["alpha", 3], ["beta", 4], ["better", 4], ["albatross", 3]]);
  fc.assert(fc.property(fc.constantFrom(...lines), fc.infiniteStream(fc.nat(9)), (line, cuts) => {
    const short = line.map((word) => {
      const least = unique.get(word) ?? 1;
      const { value } = cuts.next();
      return word.slice(0, Math.max(least, word.length - value));
    });
    const token = (text: string) => ({ text, quoted: false });
    const full = parse(g, line.map(token));
    const shortened = parse(g, short.map(token));
    assert.ok(full.ok, line.join(" "));
    assert.deepEqual(shortened, full);
  }));
});

Deno.test("any line is either a command or refused with a place inside it", () => {
  const word = fc.oneof(
    fc.constantFrom(...Object.keys(grammar.words).flatMap((key) => key.split(" "))),
    fc.string(),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 12 }), (words) => {
    const tokens = words.map((text) => ({ text, quoted: false }));
    const parsed = parse(grammar, tokens);
    if (parsed.ok) return;
    assert.ok(parsed.error.index <= words.length);
    assert.ok(follow(grammar, tokens.slice(0, parsed.error.index)).ok, "the words before the place are good");
  }));
});

Deno.test("a syntax with brackets that do not match is refused", () => {
  assert.throws(() => parseSyntax("show [frontend"), SyntaxError);
  assert.throws(() => parseSyntax("show frontend]"), SyntaxError);
});

import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { grammar } from "../../src/cli/commands/grammar.ts";
import { steps } from "../../src/cli/syntax.ts";
import { follow } from "../../src/cli/grammar.ts";
import { splitLine } from "../../src/cli/tokens.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { type Outcome, run } from "./session.ts";
import { blindness } from "./site.ts";
import * as configuration from "./site_config.ts";
import { longExplanation, manyProblems, news } from "./site_answers.ts";
import { grow } from "./site_large.ts";
import * as vpp from "./site_vpp.ts";

/** Every command in every mode is a file here; MAGLEV_UPDATE_GOLDEN=1 writes them anew. */
const folder = new URL("../fixtures/cli/", import.meta.url);
const update = Deno.env.get("MAGLEV_UPDATE_GOLDEN") === "1";

interface Case {
  readonly line: string;
  /** Distinguishes cases of one line. */
  readonly name?: string;
  readonly prepare?: (daemon: Daemon) => void;
  /** False: the JSON of a large site is not kept. */
  readonly json?: boolean;
  readonly files?: Readonly<Record<string, string>>;
}

const vppAway = {
  type: "vpp-unavailable",
  detail: "VPP is not connected: it is tried again every 5 s",
} as const;

const happens = (daemon: Daemon) => void daemon.news.push(...news);

const cases: readonly Case[] = [
  ...[
    "show version",
    "show frontends",
    "show frontend www",
    "show frontend www6",
    "show frontend dns",
    "show frontend legacy",
    "show frontend www table",
    "show backends",
    "show backend web1",
    "show backend web2",
    "show backend web3",
    "show backend spare1",
    "show backend ns1",
    "show healthchecks",
    "show healthcheck web",
    "show healthcheck dns",
    "show config",
    "show vpp info",
    "show vpp lb state",
    "show vpp lb state dns",
    "show vpp lb counters",
    "show vpp lb plan",
    "show vpp lb plan www6",
    "show vpp lb plan dns",
    "set backend web1 pause",
    "set frontend www pool primary backend web1 weight 20 flush",
    "sync vpp lb state",
    "sync vpp lb state plan 5f2b1c0a9d3e4f60",
    "sync vpp lb state plan other",
    "config check",
    "config reload",
    "whereis 192.0.2.7 www",
    "whereis 2001:db8:1::7 40000 www6 after-plan",
    "show backend nobody",
    "set backend ns1 pause",
    "set frontend www pool primary backend nobody weight 1",
    "show vpp lb sate",
    "show v",
    "set backend web1",
    "show ?",
    "set backend web1 ?",
    "completion bash",
    "completion zsh",
    "help",
    "help set",
    "show backends -h",
    "quit",
    "exit",
  ].map((line) => ({ line })),
  { line: "watch events num 2", name: "watch events", prepare: happens },
  { line: "watch events new num 2", name: "watch events new", prepare: happens },
  {
    line: "watch events since 2h new for web3 num 1",
    name: "watch events since",
  },
  ...[
    "show",
    "show problems",
    "show overrides",
    "show fleet",
    "show events",
    "show events since 2h for web2",
    "show events last 2 kind backend,sync",
    "explain frontend www",
    "explain backend web3 at 2026-01-31 11:59",
    "replay backend web3 since 2h fall 5",
    "journal verify",
    "show frontend www if web1 down",
    "show frontend www table if web1 weight 50",
    "set backend web1 pause dry-run",
    'set backend web1 disable until 18:00 reason "ticket 4711"',
    "set backend web2 resume",
    "set backend web3 pause for 30m",
    "set backend spare1 pause",
    "set backend ns1 enable",
    "set backend web1 pause for 30m until 18:00",
    "clear override pause-web2",
    "clear override nothing",
    "config reload dry-run",
    "top",
    "top frontend www6",
    "top frontend nothing",
  ].map((line) => ({ line })),
  { line: "show problems | count", name: "show problems, count" },
  {
    line: "explain frontend www | last 3",
    name: "explain, 300 backends",
    prepare: ({ answers }) => answers.set("/v1/frontends/www/explain", longExplanation),
    json: false,
  },
  {
    line: "show problems",
    name: "show problems, nothing",
    prepare: ({ answers }) => answers.set("/v1/problems", { problems: [], critical: 0, warnings: 0 }),
  },
  {
    line: "show problems",
    name: "show problems, 300 backends down",
    prepare: ({ answers }) => answers.set("/v1/problems", manyProblems),
    json: false,
  },
  { line: "top", name: "top, 300 backends", prepare: grow, json: false },
  ...["show backend web1", "show backends"].map((line): Case => ({
    line,
    name: `${line}, blind`,
    prepare: ({ control }) => Object.assign(control.backend("web1") ?? {}, blindness),
  })),
  ...[
    "show frontends",
    "show backends down sort name | last 3",
    "show backend srv-0-xxxxxxxxxxxxxxxxx",
    "show frontend frontend-xxxxxxxxxxxxxx | last 3",
    "show healthchecks",
    "show backends | count",
  ].map((line) => ({ line, name: `${line}, 300 backends`, prepare: grow, json: false })),
  {
    line: "show vpp info",
    name: "show vpp info, VPP away",
    prepare: ({ control }) => control.vppRefusal = vppAway,
  },
  {
    line: "sync vpp lb state",
    name: "sync, refused by VPP",
    prepare: ({ control }) => {
      control.vppRefusal = {
        type: "vpp-refused",
        detail: "VPP refused 1 of 1 changes",
        sync: vpp.refusedSync,
      };
    },
  },
  {
    line: "config check maglev.yaml",
    name: "config check, errors",
    prepare: ({ control }) => control.checkResult = configuration.badCheck,
    files: { "maglev.yaml": "maglev: {}\n" },
  },
  { line: "config check missing.yaml", name: "config check, no such file" },
  {
    line: "config reload",
    name: "config reload, errors",
    prepare: ({ control }) => control.checkResult = configuration.badCheck,
  },
];

const modes = [
  { title: "80 columns", options: { width: 80 } },
  { title: "200 columns", options: { width: 200 } },
  { title: "80 columns, colour", options: { width: 80, colour: true } },
  { title: "200 columns, colour", options: { width: 200, colour: true } },
  { title: "no terminal", options: {} },
  { title: "json", options: { json: true } },
] as const;

/** Escape sequences as text, so that a diff shows them. */
function visible({ out, err, code }: Outcome): string {
  const text = (piece: string) => piece.replaceAll("\x1b", "\\e");
  return `${text(out)}${err === "" ? "" : `-- stderr\n${text(err)}`}-- exit ${code}\n`;
}

function fileName(name: string): string {
  return name.replaceAll("?", "help").replaceAll(/[^A-Za-z0-9]+/g, "_").replace(/_$/, "");
}

for (const { line, name = line, prepare, json = true, files = {} } of cases) {
  Deno.test(`golden: ${name}`, async () => {
    const outcomes: Outcome[] = [];
    let text = `$ maglevc ${line}\n`;
    for (const { title, options } of modes) {
      if (!json && title === "json") continue;
      await using daemon = startDaemon();
      prepare?.(daemon);
      const outcome = await run(daemon, line, { ...options, files });
      outcomes.push(outcome);
      text += `\n===== ${title}\n${visible(outcome)}`;
    }
    const [narrow, wide, narrowColour, wideColour] = outcomes;
    // Colour is put on last, so without it the very same text must be left.
    assert.equal(stripVTControlCharacters(narrowColour?.out ?? ""), narrow?.out);
    assert.equal(stripVTControlCharacters(wideColour?.out ?? ""), wide?.out);
    const file = new URL(`${fileName(name)}.txt`, folder);
    if (update) await Deno.writeTextFile(file, text);
    assert.equal(text, await Deno.readTextFile(file));
  });
}

Deno.test("every command has a golden file, but those of a terminal's own", () => {
  const tested = new Set(cases.flatMap(({ line }) => {
    const read = follow(grammar, splitLine(line).tokens);
    return read.ok ? read.value.filter((p) => steps(p.rest).mayEnd).map((p) => p.command.syntax) : [];
  }));
  const missing = grammar.commands.map((c) => c.syntax).filter((syntax) => !tested.has(syntax));
  assert.deepEqual(missing.map((syntax) => syntax.split(" ")[0]), ["probe"]);
});

Deno.test("--json prints every answer octet for octet", async () => {
  await using daemon = startDaemon();
  const paths: readonly [line: string, path: string][] = [
    ["show version", "/v1/info"],
    ["show frontends", "/v1/frontends"],
    ["show frontend www", "/v1/frontends/www"],
    ["show frontend www table", "/v1/frontends/www/table"],
    ["show backends", "/v1/backends"],
    ["show backend web1", "/v1/backends/web1"],
    ["show healthchecks", "/v1/healthchecks"],
    ["show healthcheck web", "/v1/healthchecks/web"],
    ["show config", "/v1/config"],
    ["show vpp info", "/v1/vpp/info"],
    ["show vpp lb state www", "/v1/vpp/lb/state?frontend=www"],
    ["show vpp lb counters", "/v1/vpp/lb/counters"],
    ["show vpp lb plan", "/v1/vpp/lb/plan"],
    ["show backend nobody", "/v1/backends/nobody"],
    ["whereis 192.0.2.7 80 www", "/v1/frontends/www/whereis?client=192.0.2.7&client_port=80"],
  ];
  for (const [line, path] of paths) {
    const said = await (await fetch(`${daemon.url}${path}`)).text();
    assert.equal((await run(daemon, `${line} --json`)).out.replace(/\n$/, ""), said, line);
  }
});

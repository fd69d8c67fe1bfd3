import assert from "node:assert/strict";
import { problemKinds } from "../../routes/problem_kinds.ts";
import { apiLimits, metricsLimits } from "../../routes/limits.ts";
import { maxBodyBytes } from "../../routes/body.ts";
import { maxStreams } from "../../routes/events.ts";
import { queueLimit } from "../../src/bus/mod.ts";
import { defaultRingLimits } from "../../src/bus/core.ts";
import { loadDocument, operationsOf } from "./document.ts";
import { local, localToken, makeWorld } from "./world.ts";

const text = await Deno.readTextFile(new URL("../../docs/api.md", import.meta.url));

/** Words of a shell line: quotes, backslash-newline and the variable AUTH are all that the document uses. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) =>
    double === "$AUTH" ? `Authorization: Bearer ${localToken}` : single ?? double ?? plain ?? ""
  );
}

/** The request that a curl command makes. */
function requestOf(command: string): Request {
  const [program, ...args] = words(command);
  assert.equal(program, "curl", command);
  const headers = new Headers();
  let method = "GET";
  let body: string | null = null;
  let url = "";
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    if (word === "-s" || word === "-N") continue;
    else if (word === "-X") method = args[++i] ?? "";
    else if (word === "-H") {
      const [name = "", value = ""] = (args[++i] ?? "").split(": ");
      headers.set(name, value);
    } else if (word === "-d" || word === "--data-binary") body = args[++i] ?? "";
    else {
      assert.match(word, /^http:\/\/127\.0\.0\.1:9090\//, command);
      url = word;
    }
  }
  return new Request(url, { method, headers, ...(body === null ? {} : { body }) });
}

const sections = text.slice(text.indexOf("\n## Operations\n")).split(/^### /m).slice(1).map((section) => ({
  title: section.split("\n")[0] ?? "",
  commands: [...section.matchAll(/```sh\n([^]*?)```/g)].flatMap((match) =>
    (match[1] ?? "").replaceAll("\\\n", " ").split("\n").filter((line) => line !== "")
  ),
}));

Deno.test("docs/api.md has a section with an example for every operation", async () => {
  const operations = operationsOf(await loadDocument()).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(sections.map(({ title }) => title), operations);
  for (const { title, commands } of sections) assert.ok(commands.length > 0, title);
});

for (const { title, commands } of sections) {
  Deno.test(`docs/api.md: the examples of ${title} work`, async () => {
    for (const command of commands) {
      const { app } = makeWorld();
      const request = requestOf(command);
      const pattern = new RegExp(`^${(title.split(" ")[1] ?? "").replace(/\{[^}]+\}/g, "[^/]+")}$`);
      assert.match(new URL(request.url).pathname, pattern);
      assert.equal(request.method, title.split(" ")[0]);
      const answer = await app.fetch(request, { peer: local });
      assert.equal(answer.status, 200, `${command}: ${answer.status}`);
      await answer.body?.cancel();
    }
  });
}

Deno.test("docs/api.md lists every problem with its status", () => {
  const rows = [...text.matchAll(/^\| `([a-z-]+)` *\| (\d{3}) *\|/gm)].map((
    match,
  ) => [match[1], Number(match[2])]);
  assert.deepEqual(rows, Object.entries(problemKinds).map(([name, { status }]) => [name, status]));
});

Deno.test("docs/api.md gives the bounds that hold", () => {
  const row = (what: string) => new RegExp(`^\\| ${what}[^|]*\\| ([^|]*) \\|`, "m").exec(text)?.[1]?.trim();
  const number = (n: number) => n.toLocaleString("en-US");
  assert.equal(
    row("open connections"),
    `${number(apiLimits.connections)}; on the metrics listener ${metricsLimits.connections}`,
  );
  assert.equal(row("event streams"), number(maxStreams));
  assert.equal(
    row("head of a request"),
    `${apiLimits.headerBytes / 1024} KiB, ${apiLimits.headersMs / 1000} s`,
  );
  assert.equal(row("whole request"), `${apiLimits.requestMs / 1000} s`);
  assert.equal(row("body"), `${maxBodyBytes / 1024 / 1024} MiB`);
  assert.equal(row("TLS handshake"), `${apiLimits.handshakeMs / 1000} s`);
  assert.equal(row("idle connection"), `${apiLimits.keepAliveMs / 1000} s`);
  assert.equal(row("answer of which"), `${apiLimits.stallMs / 1000} s`);
  assert.equal(row("events that wait"), String(queueLimit));
  const { events, ms, characters } = defaultRingLimits;
  const ring = `keeps ${number(events)} events and all of the last ${ms / 1000} s, within ${
    characters / 1024 / 1024
  } Mi`;
  assert.ok(text.replace(/\s+/g, " ").includes(ring), ring);
});

import assert from "node:assert/strict";
import type { Change } from "../../src/api/mod.ts";
import { consequencesLines } from "../../src/cli/render/consequences.ts";
import { layout } from "../../src/cli/table.ts";
import { paint } from "../../src/cli/text.ts";
import { utc } from "../../src/cli/when.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { startDaemon } from "./daemon.ts";
import { run } from "./session.ts";
import { siteNow } from "./site.ts";
import { consequences } from "./site_answers.ts";

const posts = (requests: readonly string[]) => requests.filter((request) => !request.startsWith("GET"));

Deno.test("an action that takes a frontend down asks on a terminal, and does nothing without a yes", async () => {
  await using daemon = startDaemon();
  const denied = await run(daemon, "set backend web1 pause", { width: 80, answer: false });
  assert.equal(denied.code, 1);
  assert.match(denied.out, /www6 +up → down/);
  assert.match(denied.out, /^this takes frontend www6 down: no server is left\. Go on\? \(y or n\) n$/m);
  assert.equal(denied.err, "maglevc: nothing was changed\n");
  assert.deepEqual(posts(daemon.requests), ["POST /v1/backends/web1/pause?dry_run=true"]);
  const agreed = await run(daemon, "set backend web1 pause", { width: 80, answer: true });
  assert.equal(agreed.code, 0);
  assert.match(agreed.out, /state +‖ paused/);
  assert.deepEqual(posts(daemon.requests).slice(1), [
    "POST /v1/backends/web1/pause?dry_run=true",
    "POST /v1/backends/web1/pause",
  ]);
});

Deno.test("yes answers beforehand, scripts are not asked, and what takes nothing down is not asked about", async () => {
  await using daemon = startDaemon();
  for (
    const [line, answer] of [
      ["set backend web1 pause yes", false],
      ["set backend web1 disable", undefined],
      ["set backend web3 pause", false],
    ] as const
  ) {
    const { code, out } = await run(daemon, line, answer === undefined ? {} : { width: 80, answer });
    assert.equal(code, 0, line);
    assert.doesNotMatch(out, /y or n/, line);
    assert.match(out, /^consequences$/m, line);
  }
});

Deno.test("where the daemon cannot tell what a pause changes it is asked about, a resume is not", async () => {
  await using daemon = startDaemon();
  const { out } = await run(daemon, "set backend ns1 disable", { width: 80, answer: false });
  assert.match(out, /^what this changes is not known\. Go on\?/m);
  const enabled = await run(daemon, "set backend ns1 enable", { width: 80, answer: false });
  assert.equal(enabled.code, 0);
});

Deno.test("an older daemon that refuses dry runs is asked for the action itself, after a question if it is risky", async () => {
  await using daemon = startDaemon();
  const posted: string[] = [];
  const older = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    posted.push(`${pathname}${searchParams.size > 0 ? "?" : ""}${searchParams}`);
    if (!searchParams.has("dry_run")) {
      return await fetch(`${daemon.url}${pathname}`, { method: request.method });
    }
    const error = { severity: "error", pass: "structural", file: null, line: null, column: null, hint: null };
    return Response.json({
      type: "urn:maglev:problem:invalid",
      title: "Invalid",
      status: 422,
      detail: "unknown parameter",
      instance: pathname,
      errors: [{ ...error, path: "dry_run", message: "unknown parameter" }],
    }, { status: 422 });
  });
  const url = `http://127.0.0.1:${older.addr.port}`;
  const denied = await run({ url }, "set backend web3 pause", { width: 80, answer: false });
  assert.equal(denied.code, 1);
  assert.match(denied.out, /^what this changes is not known\. Go on\?/);
  const resumed = await run({ url }, "set backend web2 resume", { width: 80, answer: false });
  assert.equal(resumed.code, 0);
  assert.deepEqual(posted, [
    "/v1/backends/web3/pause?dry_run=true",
    "/v1/backends/web2/resume?dry_run=true",
    "/v1/backends/web2/resume",
  ]);
  const only = await run({ url }, "set backend web2 resume dry-run", { width: 80, answer: true });
  assert.deepEqual([only.code, only.err], [1, "maglevc: dry-run: unknown parameter\n"]);
  await older.shutdown();
});

Deno.test("dry-run sends nothing else, and says what would change", async () => {
  await using daemon = startDaemon();
  const { code, out } = await run(daemon, "set backend web1 disable dry-run", { width: 80, answer: false });
  assert.equal(code, 0);
  assert.match(out, /^would change \(nothing was changed\)$/m);
  assert.deepEqual(posts(daemon.requests), ["POST /v1/backends/web1/disable?dry_run=true"]);
  const json = await run(daemon, "set backend web1 disable dry-run", { json: true });
  assert.equal(JSON.parse(json.out).consequences.dry_run, true);
});

Deno.test("for, until, reason and everywhere are what the API takes", async () => {
  await using daemon = startDaemon();
  const bodies: [line: string, body: unknown][] = [
    ["set backend web3 pause for 1d12h", { for_ns: "129600000000000" }],
    ["set backend web3 pause until 18:00 reason 'ticket 4711'", {
      reason: "ticket 4711",
      until: new Date(siteNow + 5 * 3_600_000).toISOString(),
    }],
    ["set backend web3 disable until 2026-12-01 08:00 everywhere force", {
      until: "2026-12-01T07:00:00.000Z",
      everywhere: true,
      force: true,
    }],
    ["set frontend www pool primary backend web1 weight 20 flush for 30m", {
      weight: 20,
      flush: true,
      for_ns: "1800000000000",
    }],
  ];
  for (const [line, body] of bodies) {
    const { code, err } = await run(daemon, line, { zone: () => 60 });
    assert.deepEqual([code, err], [0, ""], line);
    assert.deepEqual(daemon.bodies.at(-1), body, line);
  }
  const before = daemon.requests.length;
  const both = await run(daemon, "set backend web3 pause for 30m until 18:00");
  assert.deepEqual([both.code, both.err], [2, "maglevc: give `for` or `until`, not both\n"]);
  assert.equal((await run(daemon, "set backend web3 pause for 0s")).code, 2);
  assert.equal((await run(daemon, `set backend web3 pause reason "${"x".repeat(501)}"`)).code, 2);
  assert.equal(daemon.requests.length, before);
});

Deno.test("somebody else's intent is named, and how to replace it", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () =>
    Response.json({
      type: "urn:maglev:problem:conflict",
      title: "conflict",
      status: 409,
      detail: "An intent of another operator holds",
      instance: "/",
      override: {
        id: "1",
        kind: "disable",
        backend: "web1",
        frontend: null,
        pool: null,
        weight: null,
        by: "bob",
        claimed: null,
        reason: "fire",
        since: new Date(siteNow - 60_000).toISOString(),
        until: null,
        file_value: null,
        scope: "everywhere",
        sleeping: null,
      },
    }, { status: 409 }));
  const { code, err } = await run(
    { url: `http://127.0.0.1:${server.addr.port}` },
    "set backend web1 pause everywhere",
  );
  await server.shutdown();
  assert.equal(code, 1);
  assert.equal(
    err,
    "maglevc: An intent of another operator holds\n" +
      "maglevc: disable web1 is set by bob 1m ago, everywhere: fire; `force` replaces it\n",
  );
});

Deno.test("show problems is a monitoring plugin: 0, 1, 2, and 3 whenever it cannot say", async () => {
  await using daemon = startDaemon();
  const problem = (severity: string) => ({
    severity,
    kind: "paused",
    object: "x",
    since: new Date(siteNow).toISOString(),
    text: "x",
    show: null,
    fix: null,
  });
  for (
    const [answer, code] of [
      [{ problems: [], critical: 0, warnings: 0 }, 0],
      [{ problems: [problem("info")], critical: 0, warnings: 0 }, 0],
      [{ problems: [problem("warning")], critical: 0, warnings: 1 }, 1],
      [{ problems: [problem("critical"), problem("warning")], critical: 1, warnings: 1 }, 2],
      [{ problems: [problem("critical")], critical: "1", warnings: 1 }, 3],
      [{ problems: null }, 3],
      [[], 3],
    ] as const
  ) {
    daemon.answers.set("/v1/problems", answer);
    for (const line of ["show", "show problems"]) {
      for (const json of [false, true]) {
        assert.equal((await run(daemon, line, { json })).code, code, JSON.stringify(answer));
      }
    }
  }
  assert.equal((await run({ url: `http://127.0.0.1:${unusedPort()}` }, "show")).code, 3);
});

Deno.test("journal verify finds an entry that was rewritten, and a journal that was rewritten as a whole", async () => {
  await using daemon = startDaemon();
  const read = async () => (await fetch(`${daemon.url}/v1/journal?kinds=change,override`)).json();
  const journal = await read();
  assert.equal((await run(daemon, "journal verify")).code, 0);
  const [newest] = journal.entries;
  assert.equal((await run(daemon, `journal verify head ${newest.seq} ${newest.chain}`)).code, 0);
  const other = await run(daemon, `journal verify head ${newest.seq} ${"0".repeat(64)}`);
  assert.deepEqual([other.code, /has another chain than the log/.test(other.out)], [1, true]);
  const gone = await run(daemon, `journal verify head 7 ${"0".repeat(64)}`);
  assert.deepEqual([gone.code, /is not in the journal/.test(gone.out)], [1, true]);
  newest.reason = "ticket 4712";
  daemon.answers.set("/v1/journal", journal);
  const changed = await run(daemon, "journal verify");
  assert.equal(changed.code, 1);
  assert.match(changed.out, /^the journal was changed: entry \d+ does not follow from entry \d+/);
});

Deno.test("show events turns the pages, and for takes a backend or a frontend", async () => {
  await using daemon = startDaemon();
  const asked = () => daemon.requests.filter((request) => request.startsWith("GET /v1/journal"));
  const { out } = await run(daemon, "show events since 2d");
  assert.equal(out.trim().split("\n").length, 8);
  assert.equal(asked().length, 3);
  const json = JSON.parse((await run(daemon, "show events since 2d", { json: true })).out);
  assert.equal(json.entries.length, 7);
  assert.equal(json.before, null);
  const www = (await run(daemon, "show events for www")).out.trim().split("\n");
  assert.deepEqual([www.length, www[1]?.includes("sync of frontend www")], [2, true]);
  const until = (await run(daemon, "show events last 1 until 10:00")).out;
  assert.match(until, /backend web1: unknown to up/);
});

Deno.test("times that the daemon tells in a sentence are on the clocks of this machine", async () => {
  await using daemon = startDaemon();
  const told = "pause of backend web1 set by bob until 2026-01-31T12:30:00.123Z";
  const journal = await (await fetch(`${daemon.url}/v1/journal?limit=1`)).json();
  daemon.answers.set("/v1/journal", {
    ...journal,
    entries: [{ ...journal.entries[0], text: told }],
    before: null,
  });
  const zone = () => 60;
  const local = /set by bob until 2026-01-31 13:30:00\+01:00/;
  assert.match((await run(daemon, "show events last 1", { zone })).out, local);
  const unknown = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () =>
    Response.json({
      type: "urn:maglev:problem:not-found",
      title: "Not found",
      status: 404,
      detail: "nothing is known of 2026-01-31T12:30:00.000Z: the journal does not reach so far",
      instance: "/",
    }, { status: 404 }));
  const { err } = await run(
    { url: `http://127.0.0.1:${unknown.addr.port}` },
    "explain backend web1 at 13:30",
    { zone },
  );
  await unknown.shutdown();
  assert.match(err, /nothing is known of 2026-01-31 13:30:00\+01:00: the journal/);
});

Deno.test("show events last 0 asks for nothing, and is told in the words of the command", async () => {
  await using daemon = startDaemon();
  const { code, err } = await run(daemon, "show events last 0");
  assert.deepEqual([code, err], [2, "maglevc: last is a number above 0\n"]);
});

Deno.test("a health check that nobody has is told from one that no backend uses", async () => {
  await using daemon = startDaemon();
  const wrong = await run(daemon, "show backends check wbe");
  assert.deepEqual([wrong.code, wrong.out], [1, ""]);
  assert.match(wrong.err, /no health check "wbe"\n {2}did you mean health check web\?\n$/i);
  daemon.answers.set("/v1/backends", { backends: [] });
  const unused = await run(daemon, "show backends check web");
  assert.deepEqual([unused.code, unused.out], [0, "no backends\n"]);
});

Deno.test("consequences name the VIP that is added, removed or made anew, as they name a server", () => {
  const known = consequences("/v1/backends/web1/pause", true);
  const [one] = known.changes ?? [];
  assert.ok(one !== undefined);
  const vip = { ...one, address: null, backend: null, weight_before: null, weight_after: null };
  const changes: Change[] = [
    { ...vip, kind: "vip_added" },
    { ...vip, kind: "vip_recreated", held: "table length" },
    { ...vip, kind: "vip_removed", frontend: null },
    one,
  ];
  const view = { now: siteNow, zone: utc };
  const text = paint(layout(consequencesLines({ ...known, frontends: [], changes }, view), 100), false);
  assert.deepEqual(text.split("\n").slice(2, -1), [
    "  VPP        VIP www: added",
    "             VIP www: removed and added again; held: table length",
    "             VIP 192.0.2.1/32: removed",
    "             web1 in www: weight 100 → 0",
  ]);
  const last = (count: number) => {
    const many = Array.from({ length: count }, () => one);
    const lines = layout(consequencesLines({ ...known, changes: many }, view), 100);
    return paint(lines, false).trimEnd().split("\n").at(-1)?.trim();
  };
  assert.deepEqual([7, 8].map(last), ["and 1 more change", "and 2 more changes"]);
});

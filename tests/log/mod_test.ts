import assert from "node:assert/strict";
import fc from "fast-check";
import { Bus } from "../../src/bus/mod.ts";
import { wholeFilter } from "../../src/bus/core.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { createLog, type Level, type Log, type LogOptions } from "../../src/log/mod.ts";
import { jsonLine, textLine } from "../../src/log/format.ts";
import { isSecretName, redactHeaders, redactPath, redactText } from "../../src/log/redact.ts";

const clock: Clock = { ...systemClock, wall: () => Date.parse("2026-01-31T12:00:00.250Z") };

function makeLog(options: Partial<LogOptions> = {}): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    clock,
    write: (line) => lines.push(line),
    ...options,
  });
  return { log, lines };
}

Deno.test("a record is one line of JSON as Go's slog writes it", () => {
  const { log, lines } = makeLog();
  log.info("backend-transition", {
    backend: "b1",
    from: "up",
    to: "down",
    code: "L4CON",
    detail: "connection refused",
  });
  assert.deepEqual(lines, [
    '{"time":"2026-01-31T12:00:00.250Z","level":"INFO","msg":"backend-transition","backend":"b1","from":"up",' +
    '"to":"down","code":"L4CON","detail":"connection refused"}\n',
  ]);
});

Deno.test("levels: what is below is not written, and its attributes are not even made", () => {
  const levels: Level[] = ["debug", "info", "warn", "error"];
  for (const [rank, level] of levels.entries()) {
    const { log, lines } = makeLog({ level });
    let made = 0;
    for (const each of levels) log[each]("x", () => ({ made: ++made }));
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).level),
      levels.slice(rank).map((l) => l.toUpperCase()),
    );
    assert.equal(made, levels.length - rank);
    assert.deepEqual(levels.map((each) => log.enabled(each)), levels.map((_, i) => i >= rank));
  }
});

Deno.test("a subscriber may ask for debug without raising the daemon's own output", () => {
  const bus = new Bus({ clock, epoch: "e1" });
  const { log, lines } = makeLog({ level: "warn", listener: bus });
  assert.equal(log.enabled("debug"), false);
  using debug = bus.subscribe({ filter: { ...wholeFilter, level: "debug" } });
  using warn = bus.subscribe({ filter: { ...wholeFilter, level: "warn" } });
  assert.equal(log.enabled("debug"), true);
  log.debug("probe-start", () => ({ backend: "b1" }));
  log.info("ready");
  log.warn("stopping");
  assert.deepEqual(lines.map((line) => JSON.parse(line).msg), ["stopping"]);
  const messages = (text: string | null) =>
    [...(text ?? "").matchAll(/"msg":"([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual(messages(debug.read()), ["probe-start", "ready", "stopping"]);
  assert.deepEqual(messages(warn.read()), ["stopping"]);
});

Deno.test("secrets never appear, neither in the output nor in events", () => {
  const bus = new Bus({ clock, epoch: "e1" });
  const { log, lines } = makeLog({ listener: bus });
  using subscription = bus.subscribe();
  const secret = "s3cr3t-value";
  log.info("api-change", {
    Authorization: `Bearer ${secret}`,
    headers: {
      "Proxy-Authorization": secret,
      Cookie: secret,
      "X-Api-Key": secret,
      "x-auth-token": secret,
      accept: "*/*",
    },
    nested: [{ client_secret: secret, password: secret }],
    detail: `the header was "Authorization: Bearer ${secret}"`,
    basic: `basic ${secret}`,
    error: new Error(`Bearer ${secret} was refused`),
  });
  const all = lines.join("") + (subscription.read() ?? "");
  assert.ok(!all.includes(secret), all);
  assert.match(all, /"accept":"\*\/\*"/);
});

Deno.test("headers: only those that carry credentials are hidden", () => {
  const shown = { "User-Agent": "x", "Content-Type": "y", Accept: "z" };
  assert.deepEqual(
    redactHeaders({ ...shown, authorization: "a", "X-My-Token": "b", cookie: "c", SecretSauce: "d" }),
    {
      ...shown,
      authorization: "***",
      "X-My-Token": "***",
      cookie: "***",
      SecretSauce: "***",
    },
  );
  for (
    const name of ["X-Auth", "proxy-authorization", "x-session-id", "X-Amz-Signature", "Set-Cookie", "apikey"]
  ) {
    assert.equal(isSecretName(name), true, name);
  }
  for (const name of ["host", "accept", "x-request-id", "cookie-policy", "user-agent"]) {
    assert.equal(isSecretName(name), false, name);
  }
  assert.equal(redactText("it said Basic dXNlcg== to me"), "it said Basic *** to me");
});

Deno.test("paths: query values with secret names are hidden, everything else stays as it is", () => {
  const rows = [
    ["/", "/"],
    ["/token=abc", "/token=abc"],
    ["/check?token=abc&x=1", "/check?token=***&x=1"],
    ["/check?x=1&Api_Key=a=b&y", "/check?x=1&Api_Key=***&y"],
    ["/check?X-Amz-Signature=abc;auth=x", "/check?X-Amz-Signature=***;auth=***"],
    ["/check?to%6ben=abc&%zz=1", "/check?to%6ben=***&%zz=1"],
    ["/check?a?token=1", "/check?a?token=***"],
    ["/check?token=&token", "/check?token=&token"],
  ] as const;
  for (const [path, shown] of rows) assert.equal(redactPath(path), shown);
});

Deno.test("a map's keys, and an error's message, need not have a text", () => {
  const error = Object.assign(new Error(), { message: { toString: 0 } });
  const attrs = { map: new Map<unknown, number>([[[{ toString: 0n }], 1], [null, 2], ["b", 3]]), error };
  const { log, lines } = makeLog();
  log.info("x", attrs);
  const { map, error: message } = JSON.parse(lines[0] ?? "");
  assert.deepEqual(map, { '[{"toString":"0"}]': 1, null: 2, b: 3 });
  assert.deepEqual(message, { toString: 0 });
});

Deno.test("any attributes at all make one line of JSON that keeps time, level and msg", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.dictionary(
        fc.string(),
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
      ),
      (msg, attrs) => {
        const { log, lines } = makeLog();
        log.info(msg, attrs);
        assert.equal(lines.length, 1);
        const [line = ""] = lines;
        assert.equal(line.indexOf("\n"), line.length - 1);
        const parsed = JSON.parse(line);
        assert.equal(parsed.msg, msg);
        assert.equal(parsed.level, "INFO");
        assert.equal(parsed.time, "2026-01-31T12:00:00.250Z");
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("a loop in the attributes does not hang or throw", () => {
  const { log, lines } = makeLog();
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  log.info("x", { loop });
  assert.match(lines[0] ?? "", /…/);
});

Deno.test("fields named like the record's own do not replace them", () => {
  const record = { at: 0, level: "debug", msg: "vpp-api-send", attrs: { msg: "lb_conf", level: 3 } } as const;
  assert.deepEqual(JSON.parse(jsonLine(record)), {
    time: "1970-01-01T00:00:00.000Z",
    level: "DEBUG",
    msg: "vpp-api-send",
    msg_: "lb_conf",
    level_: 3,
  });
});

Deno.test("the text format is for people: quotes only where they are needed, colours only where they are wanted", () => {
  const record = {
    at: Date.parse("2026-01-31T12:00:00.250Z"),
    level: "warn",
    msg: "backend-blind",
    attrs: { backend: "b1", detail: "no such namespace", n: 3, list: ["a"], empty: "", line: "a\nb\x1b[31m" },
  } as const;
  assert.equal(
    textLine(record, false),
    '12:00:00.250 WARN  backend-blind backend=b1 detail="no such namespace" n=3 list="[\\"a\\"]" empty="" line="a\\nb\\u001b[31m"',
  );
  assert.ok(textLine(record, true).includes("\x1b[33mWARN \x1b[0m backend-blind"));
  const { log, lines } = makeLog({ format: "text" });
  log.error("config-error", { file: "maglev.yaml" });
  assert.deepEqual(lines, ["12:00:00.250 ERROR config-error file=maglev.yaml\n"]);
});

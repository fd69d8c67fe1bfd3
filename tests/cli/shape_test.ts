/** Answers of other shapes than the API's end in a sentence and an exit code, never in an error of the language. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { check, list, nanos, nul, number, object, since, text, time } from "../../src/cli/shape.ts";
import { startDaemon } from "./daemon.ts";
import { run } from "./session.ts";

Deno.test("a shape names the first place that is wrong", () => {
  const shape = object<{ a: { b: number }[]; t: string; n: string; c: string | null }>({
    a: list(object<{ b: number }>({ b: number })),
    t: time,
    n: nanos,
    c: since(() => null, nul(text)),
  });
  const good = { a: [{ b: 1 }], t: "2026-01-31T12:00:00Z", n: "12" };
  assert.deepEqual(check(shape, { ...good }), { ok: true, value: { ...good, c: null } });
  const refused = (value: unknown) => {
    const read = check(shape, value);
    return read.ok ? "" : read.error;
  };
  assert.equal(refused([]), "the answer is a list, not an object");
  assert.equal(refused({ ...good, a: [{ b: 1 }, {}] }), "a[1].b is missing, not a number");
  assert.equal(refused({ ...good, a: null }), "a is null, not a list");
  assert.equal(refused({ ...good, t: "soon" }), "t is no time");
  assert.equal(refused({ ...good, n: "1.5" }), "n is no number of nanoseconds");
  assert.equal(refused({ ...good, c: 7 }), "c is a number, not a text");
});

/** Every command that reads an answer. */
const lines = [
  "show",
  "show version",
  "show frontends",
  "show frontend www",
  "show frontend www table",
  "show backends",
  "show backends web* sort state",
  "show backend web1",
  "show healthchecks",
  "show healthcheck web",
  "show config",
  "show vpp info",
  "show vpp lb state",
  "show vpp lb counters",
  "show vpp lb plan",
  "show overrides",
  "show fleet",
  "show events",
  "show events for web1",
  "explain frontend www",
  "replay backend web3 since 2h",
  "journal verify",
  "set backend web1 pause",
  "set frontend www pool primary backend web1 weight 20",
  "clear override pause-web2",
  "sync vpp lb state",
  "config check",
  "config reload",
  "whereis 192.0.2.7 www",
  "top",
] as const;

/** Values that stand where another one should. */
const strange = fc.constantFrom<unknown>(
  null,
  undefined,
  0,
  -1.5,
  1e300,
  "",
  "constructor",
  "__proto__",
  "9".repeat(400),
  true,
  [],
  {},
  [null],
  { a: 1 },
);

/** Puts a value into one place of a JSON value, the place by a number. */
function mutate(value: unknown, place: number, by: unknown): unknown {
  const places: (() => void)[] = [];
  const root = { value: structuredClone(value) };
  const walk = (holder: Record<string, unknown> | unknown[]) => {
    for (const key of Object.keys(holder)) {
      const item: unknown = Reflect.get(holder, key);
      places.push(() => {
        if (by === undefined) Reflect.deleteProperty(holder, key);
        else Reflect.set(holder, key, by);
      });
      if (typeof item === "object" && item !== null) walk(item as Record<string, unknown>);
    }
  };
  walk(root);
  places[place % places.length]?.();
  return root.value;
}

Deno.test("answers with a wrong value anywhere are shown, or refused in one sentence", async () => {
  await using daemon = startDaemon();
  let change: (value: unknown) => unknown = (value) => value;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const body = request.body === null ? null : await request.text();
    const response = await fetch(`${daemon.url}${pathname}${search}`, {
      method: request.method,
      headers: { "content-type": request.headers.get("content-type") ?? "application/json" },
      body,
    });
    const changed = change(await response.json()) ?? null;
    return new Response(JSON.stringify(changed), {
      status: response.status,
      headers: { "content-type": "application/json" },
    });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...lines),
      fc.nat(100_000),
      strange,
      fc.boolean(),
      async (line, at, by, json) => {
        change = (value) => mutate(value, at, by);
        const { code, out, err } = await run({ url }, line, { width: 80, json });
        assert.ok([0, 1, 2, 3].includes(code), `${line}: ${code}`);
        assert.ok(out !== "" || err !== "", `${line}: said nothing`);
        assert.doesNotMatch(
          err,
          /undefined|is not a function|Cannot read|not iterable|Invalid/,
          `${line}: ${err}`,
        );
        if (code === 3 && line !== "show") assert.fail(err);
      },
    ),
    { numRuns: 600 },
  );
  await server.shutdown();
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { Ajv2020 } from "ajv/2020";
import { parse, stringify } from "yaml";
import type { CheckResult } from "../../src/config/check.ts";
import { printSchema } from "../../src/config/json_schema.ts";
import { checkText } from "../../src/config/load.ts";

const LB = "  vpp: {lb: {ipv4-src-address: 192.0.2.1, ipv6-src-address: 2001:db8::1, flow-timeout: 60s}}\n";

/** Small files that use every key of every mapping between them. */
const FILES = [
  `maglev:
  healthchecker: {transition-history: 7, netns: probes}
  healthchecks:
    ping: {type: icmp, interval: 1s, fast-interval: 200ms, down-interval: 5s, timeout: 1500ms, params: {}}
  backends:
    b1: {address: 192.0.2.10, healthcheck: ping, enabled: false}
  frontends:
    all: {address: 2001:db8:ffff::1, pools: [{name: p, backends: {b1: }}]}
${LB}`,
  `maglev:
  healthchecks:
    tls:
      type: tcp
      port: 993
      rise: 1
      fall: 5
      probe-ipv4-src: 192.0.2.200
      probe-ipv6-src: 2001:db8::200
      params: {ssl: true, server-name: a.b, insecure-skip-verify: true, ca-file: /c, cert-file: /d, key-file: /e}
  backends:
    b4: {address: 2001:db8::10, healthcheck: tls}
  frontends: {}
${LB}`,
  `maglev:
  healthchecks:
    web: &web
      type: http
      port: 80
      params: {path: /h, host: a.b, method: GET, response-code: 200-299, response-regexp: ^ok, headers: {X-A: b}}
    secure: {<<: *web, type: https}
  backends: {b1: {address: 192.0.2.10, healthcheck: web}, b2: {address: 192.0.2.11, healthcheck: secure}}
  frontends: {www: {address: 198.51.100.1, pools: [{name: p, backends: {b1: , b2: {weight: 3}}}]}}
${LB}`,
  `maglev:
  backends:
    b1: {address: 192.0.2.10}
    b2: {address: 192.0.2.11}
  frontends:
    www:
      description: The site
      address: 198.51.100.1
      protocol: tcp
      port: 80
      src-ip-sticky: true
      flush-on-down: false
      new-flows-table-length: 4096
      pools:
        - name: primary
          backends:
            b1: {weight: 50}
        - name: fallback
          backends: {b2: {weight: 1}}
  vpp:
    lb:
      sync-interval: 1m30s
      ipv4-src-address: 192.0.2.1
      ipv6-src-address: 2001:db8::1
      sticky-buckets-per-core: 1024
      startup-min-delay: 0s
      startup-max-delay: 100us
      foreign-vips: keep
`,
  `maglev:
  frontends: {}
  fleet:
    name: site
    endpoints: ["https://192.0.2.20:2379", "http://[::1]:2379"]
    ca-file: /c
    cert-file: /d
    key-file: /e
    username: u
    password-file: /p
    node: lb1
    insecure: true
${LB}`,
];

const TLS = ["server-name", "insecure-skip-verify", "ca-file", "cert-file", "key-file"];
const HTTP = ["path", "host", "method", "response-code", "response-regexp", "headers"];
const PARAMS: Record<string, readonly string[]> = {
  icmp: [],
  tcp: ["ssl", ...TLS],
  http: HTTP,
  https: [...HTTP, ...TLS],
};
const CHECK = ["type", "port", "interval", "fast-interval", "down-interval", "timeout", "rise", "fall"];
CHECK.push("probe-ipv4-src", "probe-ipv6-src", "params");
const FRONTEND = ["description", "address", "protocol", "port", "pools", "src-ip-sticky", "flush-on-down"];
FRONTEND.push("new-flows-table-length");
const LB_KEYS = ["sync-interval", "ipv4-src-address", "ipv6-src-address", "sticky-buckets-per-core"];
LB_KEYS.push("flow-timeout", "startup-min-delay", "startup-max-delay", "foreign-vips");
const FLEET = ["name", "endpoints", "ca-file", "cert-file", "key-file", "username", "password-file", "node"];
FLEET.push("insecure");

/** Written down once more, from the documentation: the keys of each mapping with fixed keys. */
interface Place {
  readonly map: Map<string, unknown>;
  readonly known: readonly string[];
}

function entries(value: unknown): [string, unknown][] {
  return value instanceof Map ? [...value].map(([key, item]) => [String(key), item]) : [];
}

function get(value: unknown, key: string): unknown {
  return entries(value).find(([name]) => name === key)?.[1];
}

/** Every mapping with fixed keys in a document. */
function places(document: unknown): Place[] {
  const out: Place[] = [];
  const add = (value: unknown, known: readonly string[]) => {
    if (value instanceof Map) out.push({ map: value, known });
  };
  add(document, ["maglev"]);
  const maglev = get(document, "maglev");
  add(maglev, ["healthchecker", "healthchecks", "backends", "frontends", "vpp", "fleet"]);
  add(get(maglev, "healthchecker"), ["transition-history", "netns"]);
  add(get(maglev, "vpp"), ["lb"]);
  add(get(maglev, "fleet"), FLEET);
  add(get(get(maglev, "vpp"), "lb"), LB_KEYS);
  for (const [, check] of entries(get(maglev, "healthchecks"))) {
    add(check, CHECK);
    add(get(check, "params"), PARAMS[String(get(check, "type"))] ?? [...HTTP, ...TLS, "ssl"]);
  }
  for (const [, backend] of entries(get(maglev, "backends"))) {
    add(backend, ["address", "healthcheck", "enabled"]);
  }
  for (const [, frontend] of entries(get(maglev, "frontends"))) {
    add(frontend, FRONTEND);
    const pools = get(frontend, "pools");
    for (const pool of Array.isArray(pools) ? pools : []) {
      add(pool, ["name", "backends"]);
      for (const [, member] of entries(get(pool, "backends"))) add(member, ["weight"]);
    }
  }
  return out;
}

function read(text: string): unknown {
  return parse(text, { merge: true, mapAsMap: true, logLevel: "silent" });
}

function wellFormed(result: CheckResult, text: string): void {
  const lines = text.split("\n");
  assert.equal(result.config !== null, result.exitCode === 0);
  assert.equal(result.parseError !== "", result.exitCode === 1);
  for (const finding of result.findings) {
    const line = lines[(finding.line ?? 0) - 1];
    assert.ok(line !== undefined, `line ${finding.line}`);
    assert.ok(
      (finding.column ?? 0) >= 1 && (finding.column ?? 0) <= [...line].length + 1,
      `column ${finding.column}`,
    );
    assert.ok(!/\p{Cc}/u.test(finding.message + finding.path + (finding.hint ?? "")));
  }
}

Deno.test("the files to mutate are good, and their keys are known to this test", () => {
  const used = new Set<string>();
  for (const file of FILES) {
    assert.equal(checkText(file, "f", { fileRules: false }).exitCode, 0);
    for (const { map, known } of places(read(file))) {
      for (const key of map.keys()) {
        assert.ok(known.includes(String(key)), String(key));
        used.add(String(key));
      }
    }
  }
  const all = [
    ...CHECK,
    ...FRONTEND,
    ...LB_KEYS,
    ...FLEET,
    ...HTTP,
    ...TLS,
    "ssl",
    "weight",
    "enabled",
    "netns",
  ];
  assert.deepEqual(all.filter((key) => !used.has(key)), []);
});

/** An edit of a text: where (as a fraction), how much goes, what comes. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof(fc.constant(0), fc.nat({ max: 2 }), fc.nat({ max: 12 })),
  insert: fc.oneof(
    fc.constantFrom(
      "",
      " ",
      "  ",
      "\n",
      "\t",
      ":",
      ": ",
      "- ",
      "{",
      "}",
      "[",
      "]",
      ",",
      "#",
      "&web",
      "*web",
      "<<",
      '"',
      "'",
    ),
    fc.constantFrom(
      "|",
      ">",
      "!!str ",
      "---\n",
      "...\n",
      "~",
      "0",
      "9",
      ".",
      "%",
      "\u0000",
      "\ufeff",
      "\r",
      "\u2028",
      "😀",
    ),
    fc.string({ maxLength: 6 }),
    fc.constantFrom("port", "address: ", "\n  backends:", "weight", "maglev:\n", "<<: *web\n", "? a\n: b\n"),
  ),
});

Deno.test("6,000 edits of good texts: no crash, no acceptance of an unknown key, no stricter editor", () => {
  const editor = new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(printSchema()));
  let accepted = 0;
  fc.assert(
    fc.property(fc.constantFrom(...FILES), fc.array(edit, { minLength: 1, maxLength: 2 }), (file, edits) => {
      let text = file;
      for (const { at, remove, insert } of edits) {
        const offset = Math.floor(at * text.length);
        text = text.slice(0, offset) + insert + text.slice(offset + remove);
      }
      const result = checkText(text, "f", { fileRules: false });
      wellFormed(result, text.replace(/^\ufeff/, ""));
      if (result.exitCode !== 0) return;
      accepted++;
      for (const { map, known } of places(read(text))) {
        for (const key of map.keys()) assert.ok(known.includes(String(key)), `accepted "${key}"`);
      }
      assert.ok(editor(parse(text, { merge: true, logLevel: "silent" })), JSON.stringify(editor.errors));
    }),
    { numRuns: 6_000 },
  );
  // The test would say nothing if no edit left the file good.
  assert.ok(accepted > 50, `${accepted}`);
});

Deno.test("4,000 misspelt and added keys: each is told as an unknown key", () => {
  const word = fc.oneof(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/),
    fc.constantFrom("__proto__", "constructor", "toString"),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...FILES),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      word,
      fc.constantFrom("rename", "add"),
      (file, at, key, how) => {
        const document = read(file);
        const all = places(document);
        const place = all[Math.floor(at * all.length)];
        if (place === undefined || place.known.includes(key)) return;
        const [first] = place.map.keys();
        if (how === "rename" && first !== undefined) {
          const value = place.map.get(String(first));
          place.map.delete(String(first));
          place.map.set(key, value);
        } else {
          place.map.set(key, 1);
        }
        const text = stringify(document);
        const result = checkText(text, "f", { fileRules: false });
        wellFormed(result, text);
        assert.equal(result.exitCode, 1, text);
        assert.ok(
          result.findings.some(({ path, message }) =>
            path.endsWith(key) && message.startsWith("unknown key")
          ),
          `${key}\n${text}`,
        );
      },
    ),
    { numRuns: 4_000 },
  );
});

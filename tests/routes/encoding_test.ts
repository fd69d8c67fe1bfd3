import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { createMetricsApp } from "../../routes/app.ts";
import { acceptsGzip, gzip } from "../../routes/encoding.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import { exchange, request } from "./raw.ts";
import { first, start } from "./serving.ts";
import { local, makeWorld } from "./world.ts";

Deno.test("Accept-Encoding: gzip by name or by star, unless its weight is 0", () => {
  for (const header of ["gzip", "GZIP", "br, gzip;q=0.5", "*", "deflate, *;q=0.1", "x-gzip"]) {
    assert.equal(acceptsGzip(header), true, header);
  }
  for (const header of [null, "", "br", "identity", "gzip;q=0", "gzip; q=0.000", "*, gzip;q=0", "*;q=0"]) {
    assert.equal(acceptsGzip(header), false, String(header));
  }
});

Deno.test("what was compressed in pieces is whole again, whatever its size", async () => {
  for (const size of [0, 1, 65_536, 65_537, 1_000_003]) {
    const octets = Uint8Array.from({ length: size }, (_, i) => (i * 7919) >> 3);
    assert.deepEqual(
      new Uint8Array(gunzipSync(await gzip(ReadableStream.from([octets])))),
      octets,
      String(size),
    );
  }
});

Deno.test("metrics and the description are compressed for those who take it, on both listeners", async () => {
  const { ask, control, bus } = makeWorld();
  control.metricsText = 'maglev_backend_health{backend="b1"} 4\n'.repeat(50_000);
  const metricsApp = createMetricsApp({ control, bus, log: silentLog, clock: systemClock });
  const headers = { "accept-encoding": "gzip, deflate" };
  const onMetrics = async (path: string, init: RequestInit) =>
    await metricsApp.fetch(new Request(`http://127.0.0.1:9091${path}`, init), { peer: local });
  for (const [ask_, paths] of [[ask, ["/metrics", "/openapi.json"]], [onMetrics, ["/metrics"]]] as const) {
    for (const path of paths) {
      const plain = await ask_(path, {});
      assert.equal(plain.headers.get("content-encoding"), null);
      assert.equal(plain.headers.get("vary"), "accept-encoding");
      const text = await plain.text();
      const answer = await ask_(path, { headers });
      assert.equal(answer.headers.get("content-encoding"), "gzip");
      assert.equal(answer.headers.get("content-type"), plain.headers.get("content-type"));
      const octets = new Uint8Array(await answer.arrayBuffer());
      assert.ok(octets.length < text.length / 5, `${path}: ${octets.length} of ${text.length}`);
      assert.equal(new TextDecoder().decode(gunzipSync(octets)), text);
    }
  }
  const refused = await ask("/metrics", { headers: { ...headers, origin: "null" }, method: "GET" });
  assert.equal(refused.headers.get("content-encoding"), "gzip", "a token reads whatever the origin");
  const events = await ask("/v1/info", { headers });
  assert.equal(events.headers.get("content-encoding"), null, "small answers stay as they are");
  await events.body?.cancel();
  control.metricsText = "small 1\n";
  assert.equal(await (await ask("/metrics", { headers })).text(), "small 1\n");
});

Deno.test("a large text goes out in pieces, with its length", async () => {
  const world = makeWorld();
  world.control.metricsText = 'maglev_backend_health{backend="b1"} 4\n'.repeat(50_000);
  await using serving = await start(world);
  const answer = await exchange(first(serving), request("GET /metrics", ["Connection: close"]));
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  assert.match(head, new RegExp(`content-length: ${world.control.metricsText.length}`, "i"));
  assert.doesNotMatch(head, /transfer-encoding/i);
  assert.ok(body === world.control.metricsText);
});

Deno.test("while a large text is compressed, the loop goes on", async () => {
  let turns = 0;
  let ended = false;
  const beat = () => {
    turns++;
    if (!ended) setImmediate(beat);
  };
  const octets = new TextEncoder().encode('maglev_backend_health{backend="b1"} 4\n'.repeat(100_000));
  const compressed = gzip(ReadableStream.from([octets])).finally(() => ended = true);
  setImmediate(beat);
  await compressed;
  assert.ok(turns >= octets.length / 65_536, `${turns} turns`);
});

Deno.test("HEAD has the length of GET's body, compressed or not, for every status", async () => {
  const world = makeWorld();
  world.control.metricsText = 'maglev_backend_health{backend="b1"} 4\n'.repeat(500);
  await using serving = await start(world);
  const lengthOf = async (method: string, path: string, headers: string[]) => {
    const answer = await exchange(first(serving), request(`${method} ${path}`, headers));
    const [head = "", ...body] = answer.split("\r\n\r\n");
    const length = /^content-length: (\d+)$/im.exec(head)?.[1];
    assert.ok(length !== undefined, `${method} ${path}: ${head}`);
    if (method === "HEAD") assert.equal(body.join(""), "");
    return `${head.split(" ")[1]} ${length}`;
  };
  for (const path of ["/healthz", "/v1/backends", "/metrics", "/openapi.json", "/docs", "/v1/backends/b9"]) {
    for (const headers of [[], ["Accept-Encoding: gzip"]]) {
      assert.equal(await lengthOf("HEAD", path, headers), await lengthOf("GET", path, headers), path);
    }
  }
  const stream = await exchange(first(serving), request("HEAD /v1/events"));
  assert.match(stream, /^HTTP\/1\.1 200 /, "a stream has no length");
  assert.doesNotMatch(stream, /content-length/i);
});

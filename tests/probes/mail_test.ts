import assert from "node:assert/strict";
import { silentLog } from "../../src/log/mod.ts";
import { startProber } from "../../src/probes/runner.ts";
import { httpCheck, target } from "./helpers.ts";

/** Counts requests by path; `until` resolves when a path has had so many. */
class Counter implements AsyncDisposable {
  readonly #counts = new Map<string, number>();
  #arrived = Promise.withResolvers<void>();
  readonly #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    this.#counts.set(pathname, this.of(pathname) + 1);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
    return new Response("ok");
  });

  get port(): number {
    return this.#server.addr.port;
  }

  of(path: string): number {
    return this.#counts.get(path) ?? 0;
  }

  async until(path: string, count: number): Promise<void> {
    while (this.of(path) < count) await this.#arrived.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

Deno.test("a stopped target is probed once more at most, however the probing thread waits", async () => {
  await using server = new Counter();
  const check = (path: string) => httpCheck(server.port, { path }, { intervalMs: 20, fastIntervalMs: 20 });
  await using prober = startProber({ log: silentLog, sink: () => {} });
  for (let round = 1; round <= 20; round++) {
    const names = ["/stopped", "/goes-on"];
    prober.start(
      names.map((name) => target(name, check(name), { generation: round, firstDelayMs: 0, intervalMs: 20 })),
    );
    await Promise.all(names.map((name) => server.until(name, server.of(name) + 3)));
    prober.stop(["/stopped"]);
    const before = server.of("/stopped");
    await server.until("/goes-on", server.of("/goes-on") + 5);
    const more = server.of("/stopped") - before;
    assert.ok(more <= 1, `${more} probes after the stop in round ${round}`);
    prober.stop(["/goes-on"]);
  }
});

Deno.test("a new pace counts from the next probe on, however the probing thread waits", async () => {
  await using server = new Counter();
  await using prober = startProber({ log: silentLog, sink: () => {} });
  const slow = httpCheck(server.port, { path: "/paced" }, { intervalMs: 600_000, fastIntervalMs: 20 });
  for (let generation = 1; generation <= 5; generation++) {
    const before = server.of("/paced");
    prober.start([target("paced", slow, { generation, firstDelayMs: 0, intervalMs: 600_000 })]);
    await server.until("/paced", before + 1);
    prober.pace("paced", generation, 20);
    // Ten minutes apart they would not come before the test is given up.
    await server.until("/paced", before + 4);
  }
});

/** A store that takes 5 s for each answer: nothing of the daemon waits for it. */
import assert from "node:assert/strict";
import type { Backend } from "../../src/api/mod.ts";
import { Site } from "./site.ts";

/** Answers each request with an error after 5 s, as a store does that is about to die. */
function slowStore(): AsyncDisposable & { readonly url: string; asked(): number } {
  let asked = 0;
  const stop = new AbortController();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    asked++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 5_000);
      stop.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      }, { once: true });
    });
    return Response.json({ message: "etcdserver: request timed out" }, { status: 503 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.shutdown();
    },
  };
}

Deno.test("a failover and an operator's word take effect while every call of the store is on its way", async () => {
  await using store = slowStore();
  await using site = new Site("77.110", [store.url]);
  const node = await site.start("lb1");
  await node.synced();
  await node.logged("fleet-store");
  // For 30 s nothing is raised, since nobody knows what operators want everywhere.
  await node.until(() => {
    const weights = site.vpps.get("lb1")?.weights() ?? {};
    return weights["127.77.110.1"] === 100 && weights["127.77.110.2"] === 50 ? true : undefined;
  }, "both servers with their weights");
  const before = store.asked();
  await site.servers.at(1).stop();
  await node.logged(({ backend, to }) => backend === "b1" && to === "down");
  await node.until(() => site.vpps.get("lb1")?.weights()["127.77.110.1"] === 0 ? true : undefined, "b1 at 0");
  const paused = await node.send<Backend>("POST", "/v1/backends/b2/pause");
  assert.equal(paused.state, "paused");
  await node.until(() => site.vpps.get("lb1")?.weights()["127.77.110.2"] === 0 ? true : undefined, "b2 at 0");
  // All that took no answer of the store: one call at a time is under way of the list, and one of the presence.
  assert.ok(store.asked() - before <= 12, `${store.asked() - before} calls`);
  assert.equal(node.log.filter(({ level, msg }) => msg === "fleet-store" && level === "WARN").length, 1);
});

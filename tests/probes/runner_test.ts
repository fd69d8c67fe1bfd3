import assert from "node:assert/strict";
import { silentLog } from "../../src/log.ts";
import { startProber } from "../../src/probes/runner.ts";
import { httpCheck, Reports, target, tcpCheck } from "./helpers.ts";

Deno.test("startProber() probes by tcp and http through the worker", async () => {
  const agents: (string | null)[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    agents.push(request.headers.get("user-agent"));
    return new Response("all well");
  });
  const { port } = server.addr;
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const refusing = closed.addr.port;
  closed.close();
  const reports = new Reports();
  await using prober = startProber({ log: silentLog, sink: reports.sink, version: "1.2.3" });
  prober.start([
    target("web", httpCheck(port, { responseRegexp: "all w.ll" })),
    target("open", tcpCheck(port)),
    target("shut", tcpCheck(refusing)),
    target("wrong", httpCheck(port, { responseCodes: [{ from: 500, to: 599 }] })),
  ]);
  const web = await reports.next("web");
  assert.equal(web.result.code, "L7OK");
  assert.equal(web.result.detail, "HTTP 200");
  assert.equal(web.result.void, null);
  assert.equal((await reports.next("open")).result.code, "L4OK");
  const shut = await reports.next("shut");
  assert.equal(shut.result.code, "L4CON");
  assert.equal(shut.result.detail, "connection refused");
  assert.equal((await reports.next("wrong")).result.code, "L7STS");
  // The second report proves that a target is probed again.
  assert.equal((await reports.next("web", 2)).result.ok, true);
  assert.equal(agents[0], "maglevd/1.2.3");
});

Deno.test("stop() cancels a running probe and nothing of it is reported", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reports = new Reports();
  await using prober = startProber({ log: silentLog, sink: reports.sink });
  prober.start([target("mute", httpCheck(listener.addr.port))]);
  using connection = await listener.accept();
  const buffer = new Uint8Array(4096);
  assert.ok((await connection.read(buffer) ?? 0) > 0, "the request arrived");
  prober.stop(["mute"]);
  // The probe is gone when its connection is: a reset, because it never closes in order.
  await assert.rejects(connection.read(buffer), Deno.errors.ConnectionReset);
  // Another target's report comes through the same channel after anything the cancelled one could have sent.
  prober.start([target("other", tcpCheck(listener.addr.port))]);
  await reports.next("other");
  assert.deepEqual(reports.of("mute"), []);
});

import assert from "node:assert/strict";
import { dial, readToEnd, request, writeAll } from "../routes/raw.ts";
import { TestDaemon } from "./harness.ts";
import { Backends, ready, Vpp, wwwConfig } from "./world.ts";

Deno.test("SIGTERM ends a daemon in order, whatever is under way: a silent VPP, a check, streams, half a request", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.120");
  await using daemon = await ready({ config: wwwConfig("77.120", servers.port), vpp: vpp.paths });
  const { host } = new URL(daemon.api);
  const bearer = `Authorization: Bearer ${daemon.token}`;
  const conns: Deno.Conn[] = [];
  const ask = async (text: string): Promise<Promise<string>[]> => {
    const conn = await dial(host);
    conns.push(conn);
    await writeAll(conn, text);
    return [readToEnd(conn)];
  };
  try {
    // From the plan's first question on VPP takes requests and answers none. Not before: what the daemon may still
    // have to ask after its start would stay without an answer, and the session be given up in place of asking.
    let silent = false;
    using _silent = vpp.simulator.faults.add({
      on: ({ name }) => silent ||= name === "lb_vip_dump",
      outcome: { kind: "ignore" },
    });
    const asked = vpp.simulator.recorder.next("lb_vip_dump");
    const [plan = Promise.resolve("")] = await ask(request("GET /v1/vpp/lb/plan"));
    await asked;
    const [weight = Promise.resolve("")] = await ask(
      request(
        "PUT /v1/frontends/www/pools/primary/backends/b1/weight",
        ["Content-Type: application/json", bearer],
        '{"weight":1}',
      ),
    );
    await ask(request("GET /v1/events"));
    // Takes seconds to check, in a thread of its own.
    await ask(request("POST /v1/config/check", ["Content-Type: text/yaml", bearer], "*a ".repeat(100_000)));
    await ask(
      `POST /v1/config/check HTTP/1.1\r\nHost: localhost\r\n${bearer}\r\nContent-Type: text/yaml\r\nContent-Length: 9\r\n\r\nma`,
    );
    await ask("GET /healthz HTT");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.status()).code, 0);
    const ends = daemon.log.filter((line) => line.msg === "stopping");
    assert.deepEqual(ends.map((line) => line.detail ?? null), [null], "it did not have to be forced");
    assert.match(await plan, /^(HTTP\/1\.1 503 |$)/);
    assert.match(await weight, /^(HTTP\/1\.1 200 |$)/);
    assert.equal(daemon.errors.replace(/^.*Check.*\n/gm, ""), "");
    assert.deepEqual(daemon.log.filter((line) => line.level === "ERROR"), []);
  } finally {
    for (const conn of conns) conn.close();
  }
});

Deno.test("SIGTERM during the start ends it in order too", async () => {
  // Probes of a thousand backends are being set up.
  const many = Array.from(
    { length: 1000 },
    (_, i) => `    x${i}: { address: 127.78.${i >> 8}.${1 + (i & 127)}, healthcheck: web }\n`,
  );
  const config = wwwConfig("77.121", 9).replace("  frontends:", `${many.join("")}  frontends:`);
  for (const until of ["starting", "config-loaded", "listening"]) {
    await using daemon = new TestDaemon({ config, vpp: null });
    await daemon.logged((line) => line.msg === until);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.status()).code, 0, until);
    assert.equal(daemon.errors.replace(/^.*(Check|: warning: ).*\n/gm, ""), "");
  }
});

import assert from "node:assert/strict";
import { createServer } from "node:tls";
import { silentLog } from "../../src/log/mod.ts";
import { startProber } from "../../src/probes/runner.ts";
import { Certificates } from "./certificates.ts";
import { httpCheck, icmpCheck, noTls, Reports, target, tcpCheck } from "./helpers.ts";
import { noOpenssl, testWith } from "./needs.ts";
import { readFiles } from "./local.ts";
import { ScriptedServer } from "./servers.ts";

/** What waits for the platform's event loop and what waits for a raw socket take turns on one thread. */
testWith([noOpenssl], "the worker probes by every type at once", async () => {
  using certificates = new Certificates();
  const { cert, key } = certificates.selfSigned("web.test", "IP:127.0.0.1");
  const secure = createServer(
    { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) },
    (socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"));
    },
  );
  secure.on("tlsClientError", () => {});
  const port = await new Promise<number>((resolve) => {
    secure.listen(0, "127.0.0.1", () => {
      const address = secure.address();
      resolve(address === null || typeof address === "string" ? 0 : address.port);
    });
  });
  const long = `${"x".repeat(10_000)}well`;
  await using plain = new ScriptedServer(async (peer) => {
    await peer.request();
    await peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${long.length}\r\n\r\n${long}`);
    await peer.closing();
  });
  const reports = new Reports();
  {
    await using prober = startProber({ log: silentLog, sink: reports.sink });
    const tls = { ...noTls, caFile: cert };
    const checks = {
      https: httpCheck(port, { tls, responseRegexp: "^well$" }),
      ssl: tcpCheck(port, { tls }),
      long: httpCheck(plain.port, { responseRegexp: "w.ll$" }),
      mismatch: httpCheck(plain.port, { responseRegexp: "ill$" }),
      short: httpCheck(plain.port),
      tcp: tcpCheck(plain.port),
      echo: icmpCheck(),
    };
    prober.files(await readFiles(checks.https), []);
    prober.start(Object.entries(checks).map(([name, check]) => target(name, check)));
    const codes = await Promise.all(
      Object.keys(checks).map(async (name) => {
        const { result } = await reports.next(name, 5);
        return [name, result.code, result.void] as const;
      }),
    );
    const noRights = reports.of("echo")[0]?.result.void === "permission";
    assert.deepEqual(codes, [
      ["https", "L7OK", null],
      ["ssl", "L6OK", null],
      ["long", "L7OK", null],
      ["mismatch", "L7RSP", null],
      ["short", "L7OK", null],
      ["tcp", "L4OK", null],
      noRights ? ["echo", "L4CON", "permission"] : ["echo", "L7OK", null],
    ]);
  }
  await new Promise((resolve) => secure.close(resolve));
});

Deno.test("the worker does not hold against the first long body that the matcher's thread has just started", async () => {
  const long = `${"x".repeat(10_000)}well`;
  await using server = new ScriptedServer(async (peer) => {
    await peer.request();
    await peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${long.length}\r\n\r\n${long}`);
    await peer.closing();
  });
  const reports = new Reports();
  await using prober = startProber({ log: silentLog, sink: reports.sink });
  // Half a second passes before a thread that another thread than the main one has started hears its first message.
  const check = httpCheck(server.port, { responseRegexp: "w.ll$" }, { timeoutMs: 400 });
  prober.start([target("long", check)]);
  await reports.until((all) => all.some(({ result }) => result.void === null));
  assert.equal(reports.all.find(({ result }) => result.void === null)?.result.code, "L7OK");
});

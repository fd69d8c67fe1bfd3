import assert from "node:assert/strict";
import { unusedPort } from "../../src/demo/port.ts";
import { ip } from "../../src/net/ip.ts";
import { httpCheck, icmpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber } from "./local.ts";
import { mute, ScriptedServer } from "./servers.ts";

/** Descriptors of this process that are sockets, epolls or eventfds. */
function descriptors(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (/^(socket|anon_inode)/.test(Deno.readLinkSync(`/proc/self/fd/${name}`))) count++;
    } catch { /* the one that lists the folder */ }
  }
  return count;
}

/** Their number once it has stayed the same for a while: sockets that no probe needs are closed within two seconds. */
async function settled(): Promise<number> {
  let [last, same] = [descriptors(), 0];
  for (let look = 0; look < 1000 && same < 110; look++) {
    await sleep(20);
    const now = descriptors();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("1,000 probes of every type and outcome leave no descriptor behind", async () => {
  await using web = new ScriptedServer(async (peer) => {
    await peer.request();
    await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await peer.closing();
  });
  await using silent = new ScriptedServer(mute);
  await using noise = new ScriptedServer((peer) => peer.send("noise\r\n"));
  await using prober = new LocalProber();
  const closed = unusedPort();
  const refuse = { timeoutMs: 20 };
  const checks = [
    httpCheck(web.port, { responseRegexp: "ok" }),
    httpCheck(web.port, { responseRegexp: "no" }),
    httpCheck(silent.port, {}, refuse),
    httpCheck(closed),
    tcpCheck(web.port),
    tcpCheck(closed),
    tcpCheck(noise.port, { tls: noTls }),
    tcpCheck(silent.port, { tls: noTls, ...refuse }),
    tcpCheck(web.port, { probeIpv4Src: ip("192.0.2.1") }),
    icmpCheck(),
  ];
  const round = () => Promise.all(checks.map((check, i) => prober.once(target(`b${i}`, check))));
  await round();
  const before = await settled();
  for (let i = 0; i < 100; i++) await round();
  assert.equal(prober.engine.running, 0);
  assert.equal(await settled(), before);
});

Deno.test("500 cancelled probes leave no descriptor behind", async () => {
  await using silent = new ScriptedServer(mute);
  await using prober = new LocalProber();
  const names = Array.from({ length: 50 }, (_, i) => `b${i}`);
  const check = (i: number) =>
    i % 3 === 0 ? icmpCheck() : i % 3 === 1 ? tcpCheck(silent.port, { tls: noTls }) : httpCheck(silent.port);
  const before = descriptors();
  for (let i = 0; i < 10; i++) {
    const begun = prober.begun();
    prober.engine.start(names.map((name, j) => target(name, check(j))));
    await begun;
    prober.engine.stop(names);
    await sleep(5);
  }
  assert.equal(prober.engine.running, 0);
  // One echo socket stays for the next echo.
  const after = await settled();
  assert.ok(after <= before + 1, `${before} before, ${after} after`);
});

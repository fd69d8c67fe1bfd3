import assert from "node:assert/strict";
import { HaProxy } from "./haproxy.ts";
import { httpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber, readFiles } from "./local.ts";
import { noHaproxy, noNginx, noOpenssl, testWith } from "./needs.ts";
import { Nginx } from "./nginx.ts";
import { Pki } from "./pki.ts";

const VERSIONS = ["1.2", "1.3"];

/** Connections of this host to a port that were closed in order and wait for their last packets. */
function timeWaits(port: number): number {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").map((line) => line.trim().split(/\s+/)).filter((
    [, , to, state],
  ) => to?.endsWith(remote) && state === "06").length;
}

testWith(
  [noOpenssl, noHaproxy],
  "TLS probes resume, HAProxy logs no failed handshake, and no port waits",
  async () => {
    using pki = new Pki();
    const pem = pki.combined("haproxy.pem", pki.make({ name: "good" }));
    const sections = VERSIONS.map((version) => {
      const bind = (name: string) =>
        `bind 127.0.0.1:{${name}${version}} ssl crt ${pem} ssl-min-ver TLSv${version} ssl-max-ver TLSv${version}`;
      const format = 'log-format "%f resumed=%[ssl_fc_is_resumed]"';
      return `frontend tcp${version}\n mode tcp\n ${bind("tcp")}\n ${format}\n default_backend nobody\n` +
        `frontend https${version}\n mode http\n ${
          bind("https")
        }\n ${format}\n http-request return status 200\n`;
    });
    const names = VERSIONS.flatMap((version) => [`tcp${version}`, `https${version}`]);
    await using haproxy = await HaProxy.start(
      // A server that is not there: a probe's connection ends before it would be used.
      `${sections.join("")}backend nobody\n mode tcp\n server none 127.0.0.1:1\n`,
      names,
    );
    await using prober = new LocalProber();
    const tls = { ...noTls, caFile: pki.root.cert };
    for (const name of names) {
      const port = haproxy.port(name);
      const check = name.startsWith("tcp") ? tcpCheck(port, { tls }) : httpCheck(port, { tls });
      prober.contents.take(await readFiles(check), []);
      prober.engine.start([target(name, check)]);
      await prober.reports.next(name, 4);
      prober.engine.stop([name]);
      for (const { result } of prober.reports.of(name)) assert.ok(result.ok, `${name}: ${result.detail}`);
      // At most that of the one connection that found out whether HAProxy listens.
      assert.ok(timeWaits(port) <= 1, `${timeWaits(port)} ports wait`);
    }
    const log = await haproxy.end();
    for (const name of names) {
      const resumed = log.filter((line) => line.startsWith(`${name} `)).map((line) => line.at(-1));
      assert.deepEqual(resumed.slice(0, 4), ["0", "1", "1", "1"], name);
    }
    // The one connection to each port that this test made to see whether it listens.
    assert.equal(log.filter((line) => /handshake/.test(line)).length, names.length);
  },
);

testWith([noOpenssl, noNginx], "TLS probes resume with nginx, which has nothing to complain of", async () => {
  using pki = new Pki();
  const { cert, key } = pki.make({ name: "good" });
  const servers = VERSIONS.map((version) =>
    `server { listen {${version}} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};
      ssl_protocols TLSv${version}; location / { return 200 "well"; } location /big { root {root}; } }`
  );
  await using nginx = await Nginx.start(
    `log_format resumed '$ssl_protocol $ssl_session_reused'; access_log {root}/resumed.log resumed;
    ${servers.join("")}`,
    VERSIONS,
    { big: "x".repeat(300_000) },
  );
  await using prober = new LocalProber();
  const tls = { ...noTls, caFile: pki.root.cert };
  for (const version of VERSIONS) {
    for (const path of ["/", "/big"]) {
      const name = `${version}${path}`;
      const check = httpCheck(nginx.port(version), { tls, path });
      prober.contents.take(await readFiles(check), []);
      prober.engine.start([target(name, check)]);
      // One more than is looked for below: nginx writes a line after it has answered.
      await prober.reports.next(name, 4);
      prober.engine.stop([name]);
      for (const { result } of prober.reports.of(name)) assert.equal(result.detail, "HTTP 200");
    }
  }
  const log = (await nginx.file("resumed.log")).trim().split("\n");
  for (const version of VERSIONS) {
    const seen = log.filter((line) => line.startsWith(`TLSv${version}`)).map((line) => line.slice(-1)).join(
      "",
    );
    // Each plan begins with a handshake of its own.
    assert.match(seen, /^\.r{2,}\.r{2,}$/);
  }
  assert.equal(await nginx.file("error.log"), "");
});

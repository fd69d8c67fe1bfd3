import assert from "node:assert/strict";
import type { ProbeCode } from "../../src/model.ts";
import type { HealthCheck, HttpParams } from "../../src/configuration.ts";
import { Certificates } from "./certificates.ts";
import { httpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber } from "./local.ts";
import { noNginx, noOpenssl, testWith } from "./needs.ts";
import { Nginx } from "./nginx.ts";

testWith([noNginx, noOpenssl], "probes against a real nginx", async (t) => {
  using certificates = new Certificates();
  const { cert, key } = certificates.issue("web.test", "DNS:web.test,IP:127.0.0.1");
  const old = certificates.issue("old.test", "IP:127.0.0.1", "20200101000000Z", "20210101000000Z");
  const server = (listen: string) =>
    `server {
    listen 127.0.0.1:${listen};
    root {root};
    location = /ok { return 200 "all is well"; }
    location = /busy { return 503; }
    location = /moved { return 301 /ok; }
    location = /nothing { return 444; }
    location = /empty { return 204; }
    location = /chunked { ssi on; ssi_types *; }
    location = /slow { limit_rate 1; }
    location / { }
  }`;
  const tls = (pair: { cert: string; key: string }) =>
    `ssl; ssl_certificate ${pair.cert}; ssl_certificate_key ${pair.key}`;
  await using nginx = await Nginx.start(
    [
      server("{http}"),
      server(`{https} ${tls({ cert, key })}`),
      server(`{old} ${tls(old)}`),
      server("{h2c} http2"),
    ].join("\n"),
    ["http", "https", "old", "h2c"],
    {
      large: `${"x".repeat(300_000)}end`,
      chunked: "<!--# echo var='x' -->well",
      slow: "s".repeat(5000),
      small: "well",
    },
  );
  await using prober = new LocalProber();
  /** The head of nginx's own page, as it is quoted. */
  const page = (title: string) => {
    const html = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center>`;
    return `${html.slice(0, 60).replaceAll("\r", "\\r").replaceAll("\n", "\\n")}…`;
  };
  const rows: [name: string, params: Partial<HttpParams>, code: ProbeCode, detail: string][] = [
    ["plain", { path: "/ok", responseRegexp: "is well$" }, "L7OK", "HTTP 200"],
    ["file", { path: "/small", responseRegexp: "^well$" }, "L7OK", "HTTP 200"],
    [
      "status not accepted",
      { path: "/busy" },
      "L7STS",
      `HTTP 503: ${page("503 Service Temporarily Unavailable")}`,
    ],
    ["status accepted", { path: "/busy", responseCodes: [{ from: 503, to: 503 }] }, "L7OK", "HTTP 503"],
    ["not found", { path: "/missing" }, "L7STS", `HTTP 404: ${page("404 Not Found")}`],
    ["redirect", { path: "/moved" }, "L7OK", "HTTP 301"],
    ["no content", { path: "/empty" }, "L7OK", "HTTP 204"],
    ["HEAD", { path: "/large", method: "HEAD" }, "L7OK", "HTTP 200"],
    ["chunked", { path: "/chunked", responseRegexp: "well$" }, "L7OK", "HTTP 200"],
    ["closed without a response", { path: "/nothing" }, "L7RSP", "connection closed without a response"],
    [
      "body mismatch",
      { path: "/ok", responseRegexp: "ill" },
      "L7RSP",
      "body does not match /ill/: all is well",
    ],
    [
      "large body, first 64 KiB only",
      { path: "/large", responseRegexp: "end" },
      "L7RSP",
      `body does not match /end/: ${"x".repeat(60)}…`,
    ],
    ["large body, start", { path: "/large", responseRegexp: "^x{10}" }, "L7OK", "HTTP 200"],
  ];
  for (const scheme of ["http", "https"] as const) {
    for (const [name, params, code, detail] of rows) {
      await t.step(`${scheme}: ${name}`, async () => {
        const secure = scheme === "https" ? { tls: { ...noTls, caFile: certificates.ca } } : {};
        const result = await prober.once(
          target("b", httpCheck(nginx.port(scheme), { ...params, ...secure })),
        );
        assert.deepEqual([result.code, result.detail], [code, detail]);
      });
    }
  }
  await t.step("a port of the other kind, and one of HTTP/2 only", async () => {
    const wrong = async (check: HealthCheck) => {
      const { code, detail } = await prober.once(target("b", check));
      return `${code} ${detail}`;
    };
    const tls = { ...noTls, caFile: certificates.ca };
    assert.equal(
      await wrong(httpCheck(nginx.port("https"))),
      `L7STS HTTP 400: ${page("400 The plain HTTP request was sent to HTTPS port")}`,
    );
    assert.match(
      await wrong(httpCheck(nginx.port("http"), { tls })),
      /^L6RSP peer does not speak TLS: HTTP\/1.1 400 Bad Request$/,
    );
    assert.equal(
      await wrong(httpCheck(nginx.port("h2c"))),
      "L7RSP not an HTTP/1 response: the peer speaks HTTP/2, and a check speaks HTTP/1.1",
    );
  });
  await t.step("slow body", async () => {
    const check = httpCheck(nginx.port("http"), { path: "/slow", responseRegexp: "t" }, { timeoutMs: 300 });
    assert.equal((await prober.once(target("b", check))).code, "L7TOUT");
  });
  await t.step("expired certificate", async () => {
    const check = httpCheck(nginx.port("old"), { tls: { ...noTls, caFile: certificates.ca } });
    assert.equal((await prober.once(target("b", check))).detail.split(":")[0], "certificate has expired");
  });
  await t.step("tcp", async () => {
    assert.equal((await prober.once(target("b", tcpCheck(nginx.port("http"))))).code, "L4OK");
  });
  await t.step("the log shows the probes as they introduce themselves", async () => {
    const log = await nginx.log();
    assert.match(log, /"GET \/ok HTTP\/1\.1" 200 .*"maglevd\/test"/);
    assert.match(log, /"HEAD \/large HTTP\/1\.1" 200 0 /);
  });
});

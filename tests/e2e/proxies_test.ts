/** What stands between a client and the daemon on the same host: nginx and HAProxy as they come, and a tunnel. */
import assert from "node:assert/strict";
import { cleanEnv, start as run } from "../cli/process.ts";
import { HaProxy } from "../probes/haproxy.ts";
import { noHaproxy, noNginx, testWith } from "../probes/needs.ts";
import { Nginx } from "../probes/nginx.ts";
import { sha256 } from "../routes/calls.ts";
import { exchange, request } from "../routes/raw.ts";
import { TestDaemon } from "./harness.ts";
import { lbSettings } from "./world.ts";

const config = `maglev:
${lbSettings}
  healthchecks: {}
  backends: { g1: { address: 127.0.0.1 } }
  frontends: { www: { address: 198.51.100.10, pools: [{ name: p, backends: { g1: {} } }] } }
`;
const pause = "POST /v1/backends/g1/pause";
const hosts = ["lb.example.com", "localhost", "127.0.0.1:9090", "[::1]"];

/** Status of a request, and the text of its answer. */
async function ask(
  address: string,
  line: string,
  ...headers: string[]
): Promise<[status: string, text: string]> {
  const answer = await exchange(address, request(line, headers));
  return [answer.split(" ")[1] ?? "", answer];
}

/** No change goes through a proxy without a token, whatever the client says; with one it does. */
async function holdsThrough(proxy: string, daemon: TestDaemon): Promise<void> {
  for (const host of hosts) {
    for (const more of [[], ["X-Forwarded-For: 127.0.0.1"], ["Origin: http://localhost:9090"]]) {
      const [status, text] = await ask(proxy, pause, `Host: ${host}`, ...more);
      assert.equal(status, "401", `Host: ${host} ${more}`);
      assert.match(text, /A change needs a token: on this host the one in /);
    }
  }
  assert.deepEqual(daemon.log.filter((line) => line.msg === "api-change"), []);
  const [status] = await ask(proxy, pause, "Host: lb.example.com", `Authorization: Bearer ${daemon.token}`);
  assert.equal(status, "200");
  const change = await daemon.logged((line) => line.msg === "api-change");
  assert.equal(change.principal, "local");
}

testWith([noNginx], "nginx as it comes: no change without a token", async () => {
  await using daemon = await TestDaemon.start({ config, vpp: null });
  const { host } = new URL(daemon.api);
  await using nginx = await Nginx.start(
    `server { listen 127.0.0.1:{plain}; location / { proxy_pass http://${host}; } }
     server { listen 127.0.0.1:{named}; location / { proxy_pass http://${host}; proxy_set_header Host $host; } }`,
    ["plain", "named"],
  );
  await holdsThrough(`127.0.0.1:${nginx.port("plain")}`, daemon);
  // It names the upstream as the host, so a read passes; one that passes the client's host on needs an auth file.
  assert.equal(
    (await ask(`127.0.0.1:${nginx.port("plain")}`, "GET /v1/backends", "Host: lb.example.com"))[0],
    "200",
  );
  const [status, text] = await ask(
    `127.0.0.1:${nginx.port("named")}`,
    "GET /v1/backends",
    "Host: lb.example.com",
  );
  assert.equal(status, "403");
  assert.match(text, /behind a proxy, give maglevd an --auth-file/);
  assert.equal(
    (await ask(`127.0.0.1:${nginx.port("named")}`, "GET /readyz", "Host: lb.example.com"))[0],
    "200",
  );
});

testWith(
  [noNginx],
  "nginx in front of a unix socket: with an auth file it asks for a token, too",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
    try {
      const auth = `${folder}/auth.yaml`;
      const row = `{ name: noc, sha256: ${sha256("a-token-of-an-operator")}, role: operator }`;
      await Deno.writeTextFile(auth, `tokens: [${row}]\n`, { mode: 0o600 });
      const unix = `${folder}/api.sock`;
      await using daemon = await TestDaemon.start({
        config,
        vpp: null,
        args: ["--auth-file", auth, "--listen", `unix:${unix}`],
        until: "ready",
      });
      await using nginx = await Nginx.start(
        `server { listen 127.0.0.1:{proxy}; location / { proxy_pass http://unix:${unix}:; } }`,
        ["proxy"],
      );
      const proxy = `127.0.0.1:${nginx.port("proxy")}`;
      for (const line of [pause, "GET /v1/backends"]) assert.equal((await ask(proxy, line))[0], "401", line);
      for (const path of ["/healthz", "/docs", "/"]) {
        assert.equal((await ask(proxy, `GET ${path}`, "Host: lb.example.com"))[0], "200", path);
      }
      const token = "Authorization: Bearer a-token-of-an-operator";
      assert.equal((await ask(proxy, pause, "Host: lb.example.com", token))[0], "200");
      assert.equal((await daemon.logged((line) => line.msg === "api-change")).principal, "noc");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

testWith(
  [noHaproxy],
  "HAProxy as it comes: no change without a token, and reads by a loopback name only",
  async () => {
    await using daemon = await TestDaemon.start({ config, vpp: null });
    const { host } = new URL(daemon.api);
    await using haproxy = await HaProxy.start(
      `frontend in\n mode http\n bind 127.0.0.1:{in}\n default_backend out\nbackend out\n mode http\n server s ${host}`,
      ["in"],
    );
    const proxy = `127.0.0.1:${haproxy.port("in")}`;
    await holdsThrough(proxy, daemon);
    assert.equal((await ask(proxy, "GET /v1/backends", "Host: lb.example.com"))[0], "403");
    assert.equal((await ask(proxy, "GET /v1/backends", "Host: localhost"))[0], "200");
  },
);

/** Hands octets on, as `ssh -L` does: the daemon sees a client of this host. */
function forward(to: { hostname: string; port: number }): Disposable & { readonly port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    for await (const near of listener) {
      const far = await Deno.connect(to);
      const ended = Promise.allSettled([
        near.readable.pipeTo(far.writable),
        far.readable.pipeTo(near.writable),
      ]);
      ended.catch(() => {});
    }
  };
  const served = serve();
  served.catch(() => {});
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}

Deno.test("a tunnel as ssh -L makes it: reads by localhost, changes with the token", async () => {
  await using daemon = await TestDaemon.start({ config, vpp: null });
  const { hostname, port } = new URL(daemon.api);
  using tunnel = forward({ hostname, port: Number(port) });
  const near = `127.0.0.1:${tunnel.port}`;
  assert.equal((await ask(near, "GET /v1/backends", `Host: localhost:${tunnel.port}`))[0], "200");
  assert.equal((await ask(near, pause, `Host: localhost:${tunnel.port}`))[0], "401");
  const bearer = `Authorization: Bearer ${daemon.token}`;
  assert.equal((await ask(near, pause, `Host: localhost:${tunnel.port}`, bearer))[0], "200");
  // maglevc on the near side has no token of its own: the file names another address.
  const words = ["--server", `http://${near}`, "set", "backend", "g1", "resume"];
  const without = await run(words, { env: cleanEnv() });
  assert.equal(without.code, 1);
  assert.match(without.err, /needs a token/);
  const withFile = await run(["--token-file", daemon.tokenFile, ...words], { env: cleanEnv() });
  assert.equal(withFile.code, 0, withFile.err);
});

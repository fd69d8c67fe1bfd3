import assert from "node:assert/strict";
import { createServer, type Server } from "node:tls";
import type { Backend, ConfigCheck, ConfigReload, Finding, Problem } from "../../src/api/mod.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { noOpenssl, testWith } from "../probes/needs.ts";
import { Pki, type Signed } from "../probes/pki.ts";
import { OpensslServer } from "../probes/tls_servers.ts";
import { Inside } from "./inside.ts";

const SERVER = ["subjectAltName=IP:127.0.0.1"];
const CA = ["basicConstraints=critical,CA:TRUE"];

/** A configuration with one backend that is probed by TLS with these params. */
function config(port: number, params: string): string {
  return `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: 2001:db8::254 } }
  healthchecks:
    tls: { type: tcp, port: ${port}, interval: 20ms, timeout: 5s, rise: 1, fall: 1, params: { ssl: true, ${params} } }
  backends: { b1: { address: 127.0.0.1, healthcheck: tls } }
  frontends: { web: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;
}

/** A TLS server whose certificate can be replaced. */
class Site implements AsyncDisposable {
  readonly port = unusedPort();
  #server: Server | null = null;

  /** Serves with this certificate from now on. */
  async serve(pair: Signed): Promise<void> {
    await this.#stop();
    const [cert, key] = await Promise.all([Deno.readTextFile(pair.cert), Deno.readTextFile(pair.key)]);
    const server = createServer({ cert, key }, (socket) => socket.on("error", () => {}));
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.#server = server;
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

/** A daemon that logs each probe. */
async function start(text: string): Promise<Inside> {
  const inside = await Inside.start({ config: text, vpp: null, level: "debug" });
  await inside.logged(({ msg, to }) => msg === "backend-transition" && to === "up");
  return inside;
}

/** Resolves when `count` more probes have ended. */
async function probes(inside: Inside, count: number): Promise<void> {
  const from = inside.log.length;
  const done = () => inside.log.slice(from).filter(({ msg }) => msg === "probe-done").length;
  await inside.until(() => done() >= count ? true : undefined, `${count} probes`);
}

/** Probes that did not pass, with their details. */
function failures(inside: Inside): unknown[] {
  return inside.log.filter(({ msg, ok }) => msg === "probe-done" && ok === false).map(({ detail }) => detail);
}

/** What warnings say of files. */
function files(warnings: readonly Finding[]): string[] {
  return warnings.filter(({ path }) => path.endsWith("-file")).map(({ message }) => message);
}

/** Files that are kept as they were, by the log. */
function kept(inside: Inside): string[] {
  return inside.log.filter(({ msg }) => msg === "file-kept").map(({ level, error }) => `${level} ${error}`);
}

testWith([noOpenssl], "an emptied or garbage ca-file costs no probe and is told", async () => {
  using pki = new Pki();
  await using site = new Site();
  await site.serve(pki.make({ name: "web", extensions: SERVER }));
  const bundle = pki.path("bundle.pem");
  await Deno.copyFile(pki.root.cert, bundle);
  await using inside = await start(config(site.port, `ca-file: ${bundle}`));
  const wrong: [string, string][] = [
    ["", "the file is empty"],
    ["garbage", "the file holds no PEM certificate"],
    [(await Deno.readTextFile(bundle)).slice(0, 400), "the file ends within a certificate"],
  ];
  for (const [text, why] of wrong) {
    await Deno.writeTextFile(bundle, text);
    const message = `cannot use ${JSON.stringify(bundle)} as it is now: ${why}`;
    const check = await inside.send<ConfigCheck>("POST", "/v1/config/check");
    assert.deepEqual([check.ok, files(check.warnings)], [true, [message]]);
    const reload = await inside.send<ConfigReload>("POST", "/v1/config/reload");
    assert.deepEqual([reload.changes, files(reload.warnings)], [[], [message]]);
    const { problems } = inside.daemon.control.ready();
    assert.deepEqual(problems.map(({ kind, object, severity }) => [kind, object, severity]), [
      ["file-kept", bundle, "warning"],
    ]);
    await probes(inside, 5);
  }
  assert.deepEqual(kept(inside), wrong.map(([, why]) => `WARN ${why}`));
  assert.deepEqual(failures(inside), []);
  assert.equal((await inside.json<Backend>("/v1/backends/b1")).state, "up");
});

testWith([noOpenssl], "a client certificate that is renewed before its key costs no probe", async () => {
  using pki = new Pki();
  const asks = ["-Verify", "1", "-CAfile", pki.root.cert, "-verify_return_error"];
  await using site = await OpensslServer.start(pki.make({ name: "web", extensions: SERVER }), asks);
  const [before, after] = [pki.make({ name: "before" }), pki.make({ name: "after" })];
  const [cert, key] = [pki.path("client.pem"), pki.path("client.key")];
  await Deno.copyFile(before.cert, cert);
  await Deno.copyFile(before.key, key);
  const params = `ca-file: ${pki.root.cert}, cert-file: ${cert}, key-file: ${key}`;
  await using inside = await start(config(site.port, params));
  await Deno.copyFile(after.cert, cert);
  const reload = await inside.send<ConfigReload>("POST", "/v1/config/reload");
  const why = `it is not the key of the certificate in ${JSON.stringify(cert)}`;
  assert.deepEqual(files(reload.warnings), [`cannot use ${JSON.stringify(key)} as it is now: ${why}`]);
  await probes(inside, 5);
  await Deno.copyFile(after.key, key);
  const second = await inside.send<ConfigReload>("POST", "/v1/config/reload");
  assert.deepEqual(files(second.warnings), []);
  await probes(inside, 5);
  assert.deepEqual(kept(inside), [`WARN ${why}`]);
  const read = inside.log.filter(({ msg }) => msg === "file-read").map(({ file }) => file);
  assert.deepEqual(read, [`${cert}, ${key}`]);
  assert.deepEqual(failures(inside), []);
});

testWith(
  [noOpenssl],
  "a new CA is taken by the failing probe itself, and by a reload before it",
  async () => {
    using pki = new Pki();
    const other = pki.make({ name: "Other Root", by: null, extensions: CA });
    const [before, after] = [
      pki.make({ name: "before", extensions: SERVER }),
      pki.make({ name: "after", by: other, extensions: SERVER }),
    ];
    await using site = new Site();
    await site.serve(before);
    const bundle = pki.path("bundle.pem");
    await Deno.copyFile(pki.root.cert, bundle);
    await using inside = await start(config(site.port, `ca-file: ${bundle}`));
    const b1 = () => inside.json<Backend>("/v1/backends/b1");
    await inside.send("POST", "/v1/backends/b1/pause");
    // The right bundle is on the disk, and nobody has said so.
    await Deno.copyFile(other.cert, bundle);
    await site.serve(after);
    await inside.send("POST", "/v1/backends/b1/resume");
    await probes(inside, 3);
    assert.equal((await b1()).state, "up");
    // Now the other way round, by a reload.
    await inside.send("POST", "/v1/backends/b1/pause");
    await Deno.copyFile(pki.root.cert, bundle);
    await site.serve(before);
    const from = inside.log.length;
    await inside.send("POST", "/v1/config/reload");
    const taken = inside.log.slice(from).findIndex(({ msg }) => msg === "file-read");
    const reloaded = inside.log.slice(from).findIndex(({ msg }) => msg === "config-reload");
    assert.ok(taken >= 0 && taken < reloaded);
    await inside.send("POST", "/v1/backends/b1/resume");
    await probes(inside, 3);
    assert.equal((await b1()).state, "up");
    assert.deepEqual(failures(inside), []);
  },
);

testWith(
  [noOpenssl],
  "a wrong file that is newly named refuses the reload, and the old ones stay",
  async () => {
    using pki = new Pki();
    await using site = new Site();
    await site.serve(pki.make({ name: "web", extensions: SERVER }));
    await using inside = await start(config(site.port, `ca-file: ${pki.root.cert}`));
    const empty = pki.path("empty.pem");
    await Deno.writeTextFile(empty, "");
    await Deno.writeTextFile(inside.config, config(site.port, `ca-file: ${empty}`));
    const refused = await inside.send<Problem>("POST", "/v1/config/reload", undefined, 422);
    assert.deepEqual(refused.errors?.map(({ pass, message }) => [pass, message]), [
      ["semantic", `cannot use ${JSON.stringify(empty)}: the file is empty`],
    ]);
    await probes(inside, 3);
    assert.deepEqual([kept(inside), failures(inside)], [[], []]);
  },
);

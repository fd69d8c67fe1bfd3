import assert from "node:assert/strict";
import { createServer, type Server } from "node:tls";
import type { HealthCheck, TlsParams } from "../../src/configuration.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber, readFiles } from "./local.ts";
import { noOpenssl, testWith } from "./needs.ts";
import { Pki, type Signed } from "./pki.ts";
import { OpensslServer } from "./tls_servers.ts";

/** A TLS server whose handshakes are counted. */
class Site implements AsyncDisposable {
  connections = 0;
  readonly #server: Server;
  port = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(pair: Signed): Promise<Site> {
    const [cert, key] = await Promise.all([Deno.readTextFile(pair.cert), Deno.readTextFile(pair.key)]);
    const server = createServer({ cert, key });
    const site = new Site(server);
    server.on("connection", () => site.connections++);
    server.on("tlsClientError", () => {});
    server.on("secureConnection", (socket) => socket.on("error", () => {}));
    site.port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(address === null || typeof address === "string" ? 0 : address.port);
      });
    });
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Probes of one check on a thread of its own, whose files the test changes. */
class World implements AsyncDisposable {
  readonly prober = new LocalProber();
  readonly check: HealthCheck;
  readonly target: ProbeTarget;
  /** Looks that were asked for. */
  looks = 0;

  constructor(port: number, tls: Partial<TlsParams>, timeoutMs = 5000) {
    this.check = tcpCheck(port, { tls: { ...noTls, ...tls }, timeoutMs });
    this.target = target("b", this.check);
  }

  /** Has `find` called for each look before it is answered. */
  finds(find: () => Promise<void>): void {
    this.prober.look = async (look) => {
      this.looks++;
      await find();
      this.prober.contents.looked(look);
    };
  }

  /** Takes the files as they are now. */
  async read(): Promise<void> {
    this.prober.contents.take(await readFiles(this.check), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.prober[Symbol.asyncDispose]();
  }
}

const SERVER = ["subjectAltName=IP:127.0.0.1"];
const CA = ["basicConstraints=critical,CA:TRUE"];

testWith([noOpenssl], "a CA bundle that was renewed with the server costs no probe", async () => {
  using pki = new Pki();
  const other = pki.make({ name: "Other Root", by: null, extensions: CA });
  await using site = await Site.start(pki.make({ name: "web", by: other, extensions: SERVER }));
  const bundle = pki.path("bundle.pem");
  await Deno.copyFile(pki.root.cert, bundle);
  await using world = new World(site.port, { caFile: bundle });
  world.finds(async () => {
    await Deno.copyFile(other.cert, bundle);
    await world.read();
  });
  const result = await world.prober.once(world.target);
  assert.deepEqual([result.code, result.void], ["L6OK", null]);
  assert.equal(world.prober.reports.of("b").length, 1);
  assert.deepEqual([world.looks, site.connections], [1, 2]);
  // The next probe has what it needs from the start.
  assert.equal((await world.prober.once(world.target)).code, "L6OK");
  assert.deepEqual([world.looks, site.connections], [1, 3]);
});

testWith([noOpenssl], "a client certificate that was renewed with its key costs no probe", async () => {
  using pki = new Pki();
  const other = pki.make({ name: "Other Root", by: null, extensions: CA });
  const asks = ["-Verify", "1", "-CAfile", other.cert, "-verify_return_error"];
  await using site = await OpensslServer.start(pki.make({ name: "web", extensions: SERVER }), asks);
  const [before, after] = [pki.make({ name: "before" }), pki.make({ name: "after", by: other })];
  const [certFile, keyFile] = [pki.path("client.pem"), pki.path("client.key")];
  const put = async (pair: Signed) => {
    await Deno.copyFile(pair.cert, certFile);
    await Deno.copyFile(pair.key, keyFile);
  };
  await put(before);
  await using world = new World(site.port, { caFile: pki.root.cert, certFile, keyFile });
  world.finds(async () => {
    await put(after);
    await world.read();
  });
  const result = await world.prober.once(world.target);
  assert.deepEqual([result.code, result.detail], ["L6OK", "TLS handshake done"]);
  assert.equal(world.looks, 1);
});

testWith(
  [noOpenssl],
  "with the files as they were the failure counts, after one look and one try",
  async () => {
    using pki = new Pki();
    const other = pki.make({ name: "Other Root", by: null, extensions: CA });
    await using site = await Site.start(pki.make({ name: "web", by: other, extensions: SERVER }));
    await using world = new World(site.port, { caFile: pki.root.cert });
    world.finds(() => Promise.resolve());
    const result = await world.prober.once(world.target);
    assert.deepEqual([result.code, result.void], ["L6RSP", null]);
    assert.deepEqual([world.looks, site.connections], [1, 1]);
  },
);

testWith([noOpenssl], "files that change at every look give one second try", async () => {
  using pki = new Pki();
  const other = pki.make({ name: "Other Root", by: null, extensions: CA });
  await using site = await Site.start(pki.make({ name: "web", by: other, extensions: SERVER }));
  await using world = new World(site.port, { caFile: pki.root.cert });
  world.finds(() => world.read());
  const result = await world.prober.once(world.target);
  assert.deepEqual([result.code, result.void], ["L6RSP", null]);
  assert.deepEqual([world.looks, site.connections], [1, 2]);
});

testWith(
  [noOpenssl],
  "a disk that does not answer leaves the failure as it is, at the deadline",
  async () => {
    using pki = new Pki();
    const other = pki.make({ name: "Other Root", by: null, extensions: CA });
    await using site = await Site.start(pki.make({ name: "web", by: other, extensions: SERVER }));
    await using world = new World(site.port, { caFile: pki.root.cert }, 300);
    world.finds(() => new Promise(() => {}));
    const result = await world.prober.once(world.target);
    assert.deepEqual([result.code, result.void], ["L6RSP", null]);
    assert.match(result.detail, /CN=Other Root|unknown|not in ca-file/);
    assert.deepEqual([world.looks, site.connections], [1, 1]);
  },
);

testWith([noOpenssl], "the second try has the whole timeout, whatever the first one took", async () => {
  using pki = new Pki();
  const other = pki.make({ name: "Other Root", by: null, extensions: CA });
  await using site = await Site.start(pki.make({ name: "web", by: other, extensions: SERVER }));
  const bundle = pki.path("bundle.pem");
  await Deno.copyFile(pki.root.cert, bundle);
  await using world = new World(site.port, { caFile: bundle }, 400);
  world.finds(async () => {
    // Most of the timeout is gone before the files are there.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await Deno.copyFile(other.cert, bundle);
    await world.read();
  });
  const result = await world.prober.once(world.target);
  assert.deepEqual([result.code, result.void], ["L6OK", null]);
});

testWith([noOpenssl], "a check without files is not looked at", async () => {
  using pki = new Pki();
  await using site = await Site.start(pki.make({ name: "web", extensions: SERVER }));
  await using world = new World(site.port, {});
  world.finds(() => Promise.resolve());
  assert.equal((await world.prober.once(world.target)).code, "L6RSP");
  assert.equal(world.looks, 0);
});

testWith([noOpenssl], "a probe that is stopped during a look ends, and its answer wakes nobody", async () => {
  using pki = new Pki();
  const other = pki.make({ name: "Other Root", by: null, extensions: CA });
  await using site = await Site.start(pki.make({ name: "web", by: other, extensions: SERVER }));
  await using world = new World(site.port, { caFile: pki.root.cert });
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  world.finds(() => {
    asked.resolve();
    return answer.promise;
  });
  await world.read();
  world.prober.engine.start([world.target]);
  await asked.promise;
  world.prober.engine.stop(["b"]);
  answer.resolve();
  await answer.promise;
  assert.deepEqual([world.prober.engine.running, world.prober.reports.of("b").length], [0, 0]);
  assert.deepEqual(world.prober.defects, []);
});

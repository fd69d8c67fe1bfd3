import assert from "node:assert/strict";
import type { AuthTable } from "../../routes/auth.ts";
import type { TlsPair } from "../../routes/tls_pair.ts";
import { formatFinding } from "../../src/config/findings.ts";
import { Secrets, type SecretsInUse } from "../../src/daemon/secrets.ts";
import { createLog } from "../../src/log/mod.ts";
import { FakeClock } from "../fake_clock.ts";
import { encrypted, hasOpenssl, makePem } from "../pem.ts";
import { sha256 } from "../routes/calls.ts";
import { secretsOf } from "../secrets.ts";
import { fasterClock, Inside } from "./inside.ts";

const ignore = !await hasOpenssl();
const noPeers = { peers: [], peerTokenFile: null, peerCaFile: null };

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const row = (name: string, token: string, role = "admin") =>
  `  - { name: ${name}, sha256: ${sha256(token)}, role: ${role} }\n`;
const authText = (...rows: string[]) => `tokens:\n${rows.join("")}`;

async function refused(paths: { auth?: string; cert?: string; key?: string }): Promise<string[]> {
  const { auth = null, cert, key } = paths;
  const loaded = await Secrets.load({
    authFile: auth,
    tls: cert === undefined ? null : { cert, key: key ?? cert },
    ...noPeers,
  });
  return loaded.ok ? [] : loaded.error.map(formatFinding);
}

Deno.test("a wrong auth file is refused at the start, each fault with its place", async () => {
  await inFolder(async (folder) => {
    const auth = `${folder}/auth.yaml`;
    const write = (text: string, mode = 0o600) => {
      Deno.writeTextFileSync(auth, text);
      Deno.chmodSync(auth, mode);
    };
    assert.deepEqual(await refused({ auth }), [`${auth}: --auth-file: cannot be read: no such file`]);
    write(authText(row("noc", "one")));
    for (const mode of [0o600, 0o640, 0o644, 0o400]) {
      await Deno.chmod(auth, mode);
      assert.deepEqual(await refused({ auth }), [], mode.toString(8));
    }
    for (const [mode, who] of [[0o666, "everybody"], [0o602, "everybody"], [0o660, "its group"]] as const) {
      await Deno.chmod(auth, mode);
      assert.deepEqual(await refused({ auth }), [
        `${auth}: --auth-file: can be written by ${who} (mode 0${mode.toString(8)}) (chmod go-w ${auth})`,
      ]);
    }
    // Roles are written exactly so.
    for (const role of ["Viewer", "ADMIN", "operators", "root"]) {
      write(authText(row("noc", "one", role)));
      const [found = ""] = await refused({ auth });
      assert.ok(found.startsWith(`${auth}:2:`) && /role: "\w+" is not one of viewer/.test(found), found);
    }
    write("");
    assert.equal((await refused({ auth })).length, 1);
    await Deno.remove(auth);
    await Deno.mkdir(auth);
    assert.deepEqual(await refused({ auth }), [`${auth}: --auth-file: cannot be read: it is a directory`]);
    await Deno.remove(auth);
    // Nobody ever writes into this pipe; a daemon that opened it would wait for ever.
    const made = await new Deno.Command("mkfifo", { args: [auth] }).output();
    assert.ok(made.success);
    assert.deepEqual(await refused({ auth }), [
      `${auth}: --auth-file: cannot be read: it is not a regular file`,
    ]);
    assert.deepEqual(await refused({ auth: "/dev/zero" }), [
      "/dev/zero: --auth-file: cannot be read: it is not a regular file",
    ]);
  });
});

Deno.test({
  name: "a wrong certificate or key is refused at the start with one sentence, one file for both is taken",
  ignore,
  fn: async () => {
    await inFolder(async (folder) => {
      const good = await makePem("ec:P-256");
      const short = await makePem("rsa:1024");
      const file = (name: string, text: string) => {
        Deno.writeTextFileSync(`${folder}/${name}`, text);
        return `${folder}/${name}`;
      };
      const cert = file("cert.pem", good.cert);
      const key = file("key.pem", good.key);
      assert.deepEqual(await refused({ cert, key }), []);
      assert.deepEqual(await refused({ cert: file("both.pem", good.cert + good.key) }), []);
      assert.deepEqual(await refused({ cert: file("other.pem", good.key + good.cert) }), []);
      const rows = [
        [cert, `${folder}/none.pem`, /none\.pem: --tls-key: cannot be read: no such file$/],
        [cert, cert, /cert\.pem: --tls-key: the file holds no PEM private key$/],
        [
          cert,
          file("enc.pem", await encrypted(good.key)),
          /enc\.pem: --tls-key: the private key is encrypted$/,
        ],
        [
          file("short.crt", short.cert),
          file("short.key", short.key),
          /short\.key: --tls-key: the RSA key of 1024 bits is too short/,
        ],
        [cert, file("s2.key", short.key), /--tls-key: the RSA key of 1024 bits/],
        [file("empty.pem", ""), key, /empty\.pem: --tls-cert: the file is empty$/],
      ] as const;
      for (const [c, k, wanted] of rows) {
        const found = await refused({ cert: c, key: k });
        assert.equal(found.length, 1, String(wanted));
        assert.match(found[0] ?? "", wanted);
      }
    });
  },
});

/** Secrets in use, what they told, and what was logged. */
async function inUse(authFile: string | null, tls: { cert: string; key: string } | null) {
  const loaded = await Secrets.load({ authFile, tls, ...noPeers });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const secrets = loaded.value;
  const clock = new FakeClock();
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    clock,
    write: (line) => lines.push(JSON.parse(line)),
  });
  const tables: AuthTable[] = [];
  const pairs: TlsPair[] = [];
  secrets.use(
    {
      auth: (table) => tables.push(table),
      tls: (pair) => pairs.push(pair),
      peerTokens() {},
      peerCa() {},
    },
    log,
    clock,
  );
  const said = () => lines.splice(0).map(({ level, msg }) => `${level} ${msg}`);
  return { secrets, clock, tables, pairs, said };
}

Deno.test("an auth file that is read again is taken when it is good, and kept out when it is wrong", async () => {
  await inFolder(async (folder) => {
    const auth = `${folder}/auth.yaml`;
    const write = (text: string) => Deno.writeTextFileSync(auth, text, { mode: 0o600 });
    const digest = (token: string) => Uint8Array.fromHex(sha256(token));
    write(authText(row("noc", "one")));
    const { secrets, clock, tables, said } = await inUse(auth, null);
    await secrets.look();
    assert.deepEqual([tables, said(), secrets.kept(), secrets.warnings()], [[], [], [], []], "unchanged");
    write(authText(row("noc", "two")));
    await secrets.look();
    assert.deepEqual([tables.length, said()], [1, ["INFO file-read"]]);
    assert.equal(tables[0]?.find(digest("one")), null);
    assert.deepEqual(tables[0]?.find(digest("two")), { name: "noc", role: "admin" });
    const since = clock.wall();
    for (
      const [text, wrong] of [
        ["", /empty|missing/],
        ["tokens:\n  - { name: noc, sha", /unknown key/],
        [authText(row("noc", "three", "root")), /root/],
      ] as const
    ) {
      write(text);
      await secrets.look();
      await clock.advance(60_000);
      await secrets.look();
      assert.deepEqual(said(), ["WARN file-kept"], "told once, not every minute");
      const [warning] = secrets.warnings();
      assert.deepEqual([warning?.severity, warning?.file], ["warning", auth]);
      assert.match(warning?.message ?? "", wrong);
      assert.match(warning?.message ?? "", /stays in use$/);
      const [problem] = secrets.kept();
      assert.deepEqual([problem?.object, problem?.since], [auth, since]);
    }
    await Deno.remove(auth);
    await secrets.look();
    assert.match(secrets.warnings()[0]?.message ?? "", /no such file/);
    write(authText(row("noc", "two")));
    await Deno.chmod(auth, 0o666);
    await secrets.look();
    assert.match(secrets.warnings()[0]?.message ?? "", /written by everybody/);
    assert.equal(tables.length, 1, "the old table is still in use");
    await Deno.chmod(auth, 0o600);
    await secrets.look();
    assert.deepEqual([secrets.warnings(), secrets.kept()], [[], []]);
  });
});

Deno.test({
  name: "a certificate whose key is not there yet is kept out, and taken when both are",
  ignore,
  fn: async () => {
    await inFolder(async (folder) => {
      const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
      const [first, second] = [await makePem("ec:P-256", "first"), await makePem("ec:P-256", "second")];
      await Deno.writeTextFile(cert, first.cert);
      await Deno.writeTextFile(key, first.key);
      const { secrets, pairs, said } = await inUse(null, { cert, key });
      await Deno.writeTextFile(cert, second.cert);
      await secrets.look();
      assert.deepEqual([pairs, said()], [[], ["WARN file-kept"]]);
      assert.match(secrets.warnings()[0]?.message ?? "", /the key does not belong to the certificate/);
      assert.equal(secrets.kept()[0]?.object, key);
      await Deno.writeTextFile(key, second.key.slice(0, 80));
      await secrets.look();
      assert.match(secrets.warnings()[0]?.message ?? "", /ends within the private key/);
      await Deno.writeTextFile(key, second.key);
      await secrets.look();
      assert.deepEqual(pairs, [{ cert: second.cert, key: second.key }]);
      assert.deepEqual([said(), secrets.warnings()], [["WARN file-kept", "INFO file-read"], []]);
    });
  },
});

const smallConfig =
  "maglev:\n  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' } }\n  frontends: {}\n";

/** Secrets that only count how often they are looked at. */
function counted(onLook: () => void): SecretsInUse {
  return {
    ...secretsOf(),
    look: () => {
      onLook();
      return Promise.resolve();
    },
  };
}

Deno.test("a daemon reads its own files again every minute", async () => {
  let told = Promise.withResolvers<void>();
  const clock = fasterClock(1_000);
  const secrets = counted(() => told.resolve());
  await using _inside = await Inside.start({ config: smallConfig, vpp: null, clock, secrets });
  const begun = clock.now();
  for (let minute = 1; minute <= 3; minute++) {
    await told.promise;
    told = Promise.withResolvers();
    assert.ok(
      clock.now() - begun >= minute * 60_000 - 30_000,
      `look ${minute} after ${clock.now() - begun} ms`,
    );
  }
});

Deno.test("a daemon reads its own files again at a reload, by request and by signal, even of a wrong file", async () => {
  let looks = 0;
  await using inside = await Inside.start({
    config: smallConfig,
    vpp: null,
    secrets: counted(() => looks++),
  });
  assert.equal(looks, 0);
  await inside.send("POST", "/v1/config/reload");
  assert.equal(looks, 1);
  await Deno.writeTextFile(inside.config, "maglev: [");
  await inside.send("POST", "/v1/config/reload", undefined, 422);
  await inside.daemon.reloader.reloadOnSignal({ principal: "SIGHUP", peer: "signal" });
  assert.equal(looks, 3);
});

/** Tokens and certificates that change while the daemon runs. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { ConfigReload, Ready } from "../../src/api/mod.ts";
import { sseFrames } from "../../src/sse.ts";
import { hasOpenssl, makePem } from "../pem.ts";
import { sha256 } from "../routes/calls.ts";
import { config, inFolder } from "./access.ts";
import { TestDaemon } from "./harness.ts";

const row = (name: string, token: string, role: string) =>
  `  - { name: ${name}, sha256: ${sha256(token)}, role: ${role} }\n`;

Deno.test("a leaked token is revoked by a reload: its streams end, nothing else changes, no restart", async () => {
  await inFolder(async (folder) => {
    const auth = `${folder}/auth.yaml`;
    const write = (...rows: string[]) =>
      Deno.writeTextFile(auth, `tokens:\n${rows.join("")}`, { mode: 0o600 });
    await write(row("noc", "leaked-token", "operator"), row("wall", "wall-token", "viewer"));
    await using daemon = await TestDaemon.start({
      config,
      vpp: null,
      args: ["--auth-file", auth],
      until: "ready",
    });
    const open = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${daemon.api}/v1/events?kinds=vpp`, { headers });
      assert.equal(answer.status, 200);
      assert.ok(answer.body !== null);
      const frames = sseFrames(answer.body);
      assert.equal((await frames.next()).value?.event, "vpp");
      return frames;
    };
    const [leaked, wall, local] = [
      await open("leaked-token"),
      await open("wall-token"),
      await open(daemon.token),
    ];
    await daemon.send("POST", "/v1/backends/b1/disable");
    await write(row("noc", "fresh-token", "operator"), row("wall", "wall-token", "viewer"));
    const reload = await daemon.send<ConfigReload>("POST", "/v1/config/reload");
    assert.deepEqual([reload.changes, reload.warnings], [[], []]);
    const last = (await leaked.next()).value;
    assert.deepEqual([last?.event, JSON.parse(last?.data ?? "{}").reason], [
      "dropped",
      "the token is not valid any more",
    ]);
    assert.equal((await leaked.next()).done, true, "the stream has ended");
    const status = async (token: string) => {
      const answer = await fetch(`${daemon.api}/v1/info`, { headers: { authorization: `Bearer ${token}` } });
      await answer.body?.cancel();
      return answer.status;
    };
    assert.deepEqual(
      [await status("leaked-token"), await status("fresh-token"), await status("wall-token")],
      [
        401,
        200,
        200,
      ],
    );
    const { state } = await daemon.get<{ state: string }>("/v1/backends/b1");
    assert.equal(state, "disabled", "what was set at run time is still in force");
    // The other streams live on: they get the next event of VPP's link, which the end of the daemon is not.
    daemon.kill("SIGTERM");
    for (const stream of [wall, local]) {
      const rest: string[] = [];
      for await (const { event } of stream) rest.push(event);
      assert.deepEqual(rest, [], "ended by the daemon's own end, and not dropped");
    }
    assert.equal((await daemon.status()).code, 0);
  });
});

Deno.test("a reload with a wrong auth file warns, keeps the old one, and a wrong configuration keeps no token", async () => {
  await inFolder(async (folder) => {
    const auth = `${folder}/auth.yaml`;
    const write = (text: string) => Deno.writeTextFile(auth, text, { mode: 0o600 });
    await write(`tokens:\n${row("noc", "old-token", "admin")}`);
    await using daemon = await TestDaemon.start({
      config,
      vpp: null,
      args: ["--auth-file", auth],
      until: "ready",
    });
    const status = async (token: string) => {
      const answer = await fetch(`${daemon.api}/v1/info`, { headers: { authorization: `Bearer ${token}` } });
      await answer.body?.cancel();
      return answer.status;
    };
    await write("tokens: []\n");
    const { warnings, ok } = await daemon.send<ConfigReload>("POST", "/v1/config/reload");
    assert.equal(ok, true);
    assert.deepEqual(warnings.map(({ file, severity }) => [file, severity]), [[auth, "warning"]]);
    assert.match(warnings[0]?.message ?? "", /the content that was read before stays in use$/);
    assert.equal(await status("old-token"), 200);
    const kept = await daemon.logged((line) => line.msg === "file-kept");
    assert.deepEqual([kept.level, kept.file], ["WARN", auth]);
    const problemsFor = async (headers: HeadersInit) => {
      const { problems }: Ready = await (await fetch(`${daemon.api}/readyz`, { headers })).json();
      return problems;
    };
    assert.deepEqual(await problemsFor({}), [], "nobody without a token learns the path");
    const problems = await problemsFor({ authorization: "Bearer old-token" });
    assert.deepEqual(problems.map(({ kind, object }) => [kind, object]), [["file-kept", auth]]);
    // A mistake in the configuration must not keep a leaked token valid.
    await write(`tokens:\n${row("noc", "new-token", "admin")}`);
    await Deno.writeTextFile(daemon.config, "maglev: [");
    daemon.kill("SIGHUP");
    await daemon.logged((line) => line.msg === "file-read");
    assert.deepEqual([await status("old-token"), await status("new-token")], [401, 200]);
  });
});

Deno.test({
  name: "a new certificate is served after a reload, and one without its key is not",
  ignore: !await hasOpenssl(),
  fn: async () => {
    await inFolder(async (folder) => {
      const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
      const [first, second] = [await makePem("ec:P-256", "first"), await makePem("rsa:2048", "second")];
      await Deno.writeTextFile(cert, first.cert);
      await Deno.writeTextFile(key, first.key);
      await using daemon = await TestDaemon.start({
        config,
        vpp: null,
        args: ["--tls-cert", cert, "--tls-key", key],
        until: "ready",
      });
      const { port } = new URL(daemon.api);
      // Trusting one certificate only tells which one is served.
      const served = async (trusted: string): Promise<boolean> => {
        using client = Deno.createHttpClient({ caCerts: [trusted] });
        try {
          const answer = await fetch(`https://localhost:${port}/healthz`, { client });
          await answer.body?.cancel();
          return answer.ok;
        } catch (error) {
          if (error instanceof TypeError) return false;
          throw error;
        }
      };
      assert.deepEqual([await served(first.cert), await served(second.cert)], [true, false]);
      await Deno.writeTextFile(cert, second.cert);
      daemon.kill("SIGHUP");
      const kept = await daemon.logged((line) => line.msg === "file-kept");
      assert.match(String(kept.error), /key\.pem: --tls-key: the key does not belong to the certificate/);
      assert.deepEqual([await served(first.cert), await served(second.cert)], [true, false]);
      await Deno.writeTextFile(key, second.key);
      daemon.kill("SIGHUP");
      await daemon.logged((line) => line.msg === "file-read");
      assert.deepEqual([await served(first.cert), await served(second.cert)], [false, true]);
      assert.equal(new X509Certificate(second.cert).subject, "CN=second");
    });
  },
});

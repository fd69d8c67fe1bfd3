/**
 * A host without OpenSSL: checks with TLS are refused beforehand, and a daemon that starts all the same says nothing of
 * their backends. The library is hidden from the process by a mount of its own.
 */
import assert from "node:assert/strict";
import { Openssl } from "../../ffi/openssl.ts";
import type { Backend, Problem } from "../../src/api/mod.ts";
import { noNamespaces, testWith } from "../probes/needs.ts";
import { project, TestDaemon } from "./harness.ts";
import { TcpServers } from "./tcp_servers.ts";
import { lbSettings } from "./world.ts";

/** Path of the library that this host has. */
function library(): string {
  using _openssl = new Openssl();
  const path = /(\/\S*libssl\.so\.3\S*)$/m.exec(Deno.readTextFileSync("/proc/self/maps"))?.[1];
  return path ?? assert.fail("no libssl");
}

function configuration(port: number, ssl: boolean): string {
  return `maglev:
  healthchecks:
    plain: { type: tcp, port: ${port} }
    secure: { type: tcp, port: ${port}, params: { ssl: ${ssl} }, interval: 50ms, timeout: 50ms }
  backends:
    b1: { address: 127.0.0.1, healthcheck: plain }
    b2: { address: 127.0.0.2, healthcheck: secure }
  frontends:
    www: { address: 192.0.2.1, pools: [{ name: all, backends: { b1: {}, b2: {} } }] }
${lbSettings}
`;
}

testWith(
  [noNamespaces],
  "without OpenSSL checks with TLS are refused, and void in a daemon that runs",
  async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "maglev-no-openssl-" });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => Deno.remove(folder, { recursive: true }));
    const command = `${folder}/maglevd`;
    await Deno.writeTextFile(
      command,
      `#!/bin/sh\nexec unshare -m --propagation private sh -c 'mount --bind /dev/null ${library()} && exec "$@"' sh ` +
        `${Deno.execPath()} run -A ${project("main.ts")} "$@"\n`,
    );
    await Deno.chmod(command, 0o755);
    using servers = new TcpServers(["127.0.0.1", "127.0.0.2"]);
    const file = `${folder}/maglev.yaml`;
    const check = async (ssl: boolean) => {
      await Deno.writeTextFile(file, configuration(servers.port, ssl));
      const { code, stdout, stderr } = await new Deno.Command(command, {
        args: ["--check", "--config", file],
      }).output();
      return [code, new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)] as const;
    };
    await t.step("--check names the package, and takes a file without TLS", async () => {
      const [code, , errors] = await check(true);
      assert.equal(code, 2);
      assert.match(
        errors,
        /maglev\.yaml:4:\d+: maglev\.healthchecks\.secure\.type: TLS needs OpenSSL 3, which cannot be loaded: .*libssl3/,
      );
      const [good, said] = await check(false);
      assert.deepEqual([good, said], [0, `${file}: ok\n`]);
    });
    await t.step("a start goes on, its TLS probes are void, and a reload is refused", async () => {
      const env = Deno.env.toObject();
      const config = configuration(servers.port, true);
      await using daemon = await TestDaemon.start({ config, vpp: null, command, env });
      const line = await daemon.logged(({ msg }) => msg === "probe-void");
      assert.equal(line.cause, "tls-library");
      assert.match(
        String(line.detail),
        /^OpenSSL 3 cannot be loaded: .*\(install the package libssl3, or libssl3t64\)$/,
      );
      await daemon.logged(({ msg, backend, to }) =>
        msg === "backend-transition" && backend === "b1" && to === "up"
      );
      const b2 = await daemon.get<Backend>("/v1/backends/b2");
      assert.deepEqual([b2.state, b2.last_probe?.void], ["unknown", "tls-library"]);
      const problem = await daemon.send<Problem>("POST", "/v1/config/reload", undefined, 422);
      assert.match(problem.errors?.[0]?.message ?? "", /^TLS needs OpenSSL 3/);
    });
  },
);

import assert from "node:assert/strict";
import type { Problem } from "../../src/api/mod.ts";
import { project, TestDaemon } from "./harness.ts";
import { Backends, Vpp, wwwConfig } from "./world.ts";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function maglevd(...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", project("main.ts"), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function withFile<T>(text: string, body: (path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  try {
    await Deno.writeTextFile(`${folder}/maglev.yaml`, text);
    return await body(`${folder}/maglev.yaml`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const good = wwwConfig("77.8", 80);

Deno.test("--check: 0 and ok, 1 for structure, 2 for sense, every error with its place", async () => {
  await withFile(good, async (path) => {
    assert.deepEqual(await maglevd("--check", "--config", path), {
      code: 0,
      stdout: `${path}: ok\n`,
      stderr: "",
    });
  });
  const structural = good.replace("rise: 2", "rize: 2").replace("weight: 50", "weight: 500");
  await withFile(structural, async (path) => {
    const { code, stdout, stderr } = await maglevd("--check", "--config", path);
    assert.deepEqual([code, stdout], [1, ""]);
    const [first = "", second = ""] = stderr.split("\n");
    assert.match(first, /:10:\d+: .*rize: unknown key.*rise/);
    assert.match(second, /weight: .*100/);
  });
  const semantic = good.replace("healthcheck: web }", "healthcheck: wep }").replace(
    "port: 80\n",
    "port: 70000\n",
  );
  await withFile(semantic, async (path) => {
    const { code, stderr } = await maglevd("--check", "--config", path);
    assert.equal(code, 2);
    assert.equal(stderr.trimEnd().split("\n").filter((line) => !line.includes("warning")).length, 2, stderr);
    assert.match(stderr, /wep/);
  });
});

Deno.test("--check of a doubtful file: ok and 0, its warning on standard error", async () => {
  const doubtful = good.replace("backends:\n", "backends:\n    spare: { address: 192.0.2.9 }\n");
  await withFile(doubtful, async (path) => {
    const line = doubtful.split("\n").findIndex((text) => text.includes("spare")) + 1;
    assert.deepEqual(await maglevd("--check", "--config", path), {
      code: 0,
      stdout: `${path}: ok\n`,
      stderr: `${path}:${line}:5: warning: maglev.backends.spare: no frontend uses this backend\n`,
    });
  });
});

Deno.test("--print-schema prints the schema that the documents hold", async () => {
  const { code, stdout } = await maglevd("--print-schema");
  assert.deepEqual([code, stdout], [0, await Deno.readTextFile(project("docs/maglev.schema.json"))]);
});

Deno.test("a start on a bad file prints and exits as --check does", async () => {
  await withFile("maglev: [", async (path) => {
    const checked = await maglevd("--check", "--config", path);
    const started = await maglevd("--config", path);
    assert.equal(started.code, 1);
    assert.deepEqual(started, checked);
  });
  const { code, stderr } = await maglevd("--config", "/nowhere/maglev.yaml");
  assert.equal(code, 1);
  assert.match(stderr, /\/nowhere\/maglev\.yaml:1:1: .*no such file/);
});

Deno.test("a file without end ends --check and a start, with 1", async () => {
  await withFile("", async (path) => {
    await Deno.remove(path);
    const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
    assert.ok(success);
    const outcomes = await Promise.all([
      maglevd("--check", "--config", path),
      maglevd("--config", path),
      maglevd("--check", "--config", "/dev/zero"),
      maglevd("--config", "/dev/zero"),
    ]);
    const line = (file: string, why: string) => `${file}:1:1: document: cannot read the file: ${why}\n`;
    const late = line(path, "it has no end: nothing, or not all of it, came within 5 s");
    const large = line("/dev/zero", "it is larger than 67108864 octets");
    assert.deepEqual(
      outcomes,
      [late, late, large, large].map((stderr) => ({ code: 1, stdout: "", stderr })),
    );
  });
});

Deno.test("a named file that cannot be used ends --check and a start, with 2", async () => {
  const named = good.replace("type: http,", "type: https, params: { ca-file: /nowhere/ca.pem },");
  assert.notEqual(named, good);
  await withFile(named, async (path) => {
    for (const args of [["--check"], []]) {
      const { code, stderr } = await maglevd(...args, "--config", path);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /ca-file: cannot use "\/nowhere\/ca\.pem": no such file/);
    }
  });
});

Deno.test("wrong flags: exit code 2 and every mistake named", async () => {
  const { code, stderr } = await maglevd("--listen", "nowhere", "--log-level", "loud");
  assert.equal(code, 2);
  assert.match(stderr, /--listen/);
  assert.match(stderr, /--log-level/);
  assert.equal((await maglevd("--help")).code, 0);
  assert.match((await maglevd("--version")).stdout, /^maglevd \d+\.\d+\.\d+ /);
});

Deno.test("a wrong auth file or TLS pair ends the start with 2, and --check tries them", async () => {
  const fixture = (name: string) => project(`tests/fixtures/${name}`);
  await withFile(good, async (path) => {
    const auth = `${path}.auth`;
    await Deno.writeTextFile(auth, "tokens: []\n", { mode: 0o666 });
    await Deno.chmod(auth, 0o666);
    const flags = [
      ...["--config", path, "--vpp-api-addr=", "--auth-file", auth],
      ...["--tls-cert", fixture("api_key.pem"), "--tls-key", fixture("api_cert.pem")],
    ];
    const checked = await maglevd("--check", ...flags);
    assert.deepEqual([checked.code, checked.stdout], [2, ""]);
    const lines = checked.stderr.trimEnd().split("\n");
    assert.equal(lines.length, 2, checked.stderr);
    assert.match(lines[0] ?? "", /auth: --auth-file: can be written by everybody \(mode 0666\)/);
    assert.match(lines[1] ?? "", /api_key\.pem: --tls-cert: the file holds no PEM certificate$/);
    assert.deepEqual(await maglevd(...flags), checked, "a start says the same");
    // With a file that cannot be read it is 1, and everything is said all the same.
    await Deno.writeTextFile(path, "maglev: [");
    const both = await maglevd("--check", ...flags);
    assert.equal(both.code, 1);
    assert.match(both.stderr, /maglev\.yaml:1[^]*--auth-file[^]*--tls-cert/);
  });
});

Deno.test("a local token whose path cannot be used ends the start with 2", async () => {
  await withFile(good, async (path) => {
    const { code, stdout, stderr } = await maglevd(
      ...["--config", path, "--vpp-api-addr=", "--local-token", "/nowhere/at/all/token"],
    );
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(
      stderr,
      "maglevd: --local-token /nowhere/at/all/token cannot be used: its folder does not exist\n",
    );
  });
});

Deno.test("a port in use is named, and the process ends with 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  await withFile(good, async (path) => {
    const { code, stderr } = await maglevd("--config", path, "--vpp-api-addr=", "--listen", address);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${address.replaceAll(".", "\\.")}.*another process`));
  });
});

Deno.test("a missing socket is retried while health checking goes on", async () => {
  await using servers = new Backends("77.9");
  await using daemon = await TestDaemon.start({
    config: wwwConfig("77.9", servers.port),
    vpp: { api: "/nowhere/api.sock", stats: "/nowhere/stats.sock" },
  });
  const line = await daemon.logged((l) => l.msg === "vpp-disconnect");
  assert.match(String(line.reason), /\/nowhere\/api\.sock/);
  await daemon.logged((l) => l.msg === "backend-transition" && l.backend === "b3" && l.to === "up");
  const problem = await daemon.get<Problem>("/v1/vpp/lb/state", 503);
  assert.equal(problem.type, "urn:maglev:problem:vpp-unavailable");
});

Deno.test("a VPP without the needed messages is refused by name and version", async () => {
  await using vpp = await Vpp.start({ without: ["lb_as_set_weight", "lb_conf_get"] });
  await using daemon = await TestDaemon.start({ config: good, vpp: vpp.paths });
  const line = await daemon.logged((l) => l.msg === "vpp-disconnect");
  assert.match(String(line.reason), /lb_as_set_weight/);
  assert.match(String(line.reason), /lb_conf_get/);
  assert.match(String(line.reason), /26\.10/);
  const problem = await daemon.get<Problem>("/readyz", 503);
  assert.equal(problem.readiness?.vpp, "refused");
});

Deno.test("octets that are no frame end the session with an error that names them, and the next one works", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.10");
  await using daemon = await TestDaemon.start({
    config: wwwConfig("77.10", servers.port),
    vpp: vpp.paths,
    until: "ready",
  });
  const mark = daemon.log.length;
  vpp.simulator.sendOctets(new Uint8Array(64).fill(0xff));
  const line = await daemon.logged((l) => l.msg === "vpp-disconnect", mark);
  assert.match(String(line.reason), /4294967295/);
  await daemon.logged((l) => l.msg === "vpp-connect", mark);
});

Deno.test("a missing network namespace is void, blinds nobody at once, and takes no backend down", async () => {
  const config = good.replace("maglev:\n", "maglev:\n  healthchecker: { netns: maglev-nowhere }\n");
  await using daemon = await TestDaemon.start({ config, vpp: null });
  const line = await daemon.logged((l) => l.msg === "probe-void");
  assert.equal(line.cause, "netns");
  assert.deepEqual(daemon.log.filter((l) => l.msg === "backend-transition"), []);
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import manifest from "../../deno.json" with { type: "json" };
import type { Backend, ConfigCheck, ConfigReload, Frontend, Info, Problem } from "../../src/api/mod.ts";
import { buildDeb } from "../../src/tasks/deb.ts";
import { run } from "../../src/tasks/deb_bundle.ts";
import { memoryEnvironment, memoryFlags, permissionFlags } from "../../src/deno_flags.ts";
import { version } from "../../src/version.ts";
import { TestDaemon } from "../e2e/harness.ts";
import { lbSettings, Vpp, weightsInVpp } from "../e2e/world.ts";
import { optionalTool } from "../tool.ts";
import { outcome, type Parts, takeApart } from "./deb_parts.ts";
import { installTrial, trialPlace } from "./deb_trial.ts";

const dpkg = optionalTool("dpkg-deb");
let built: Parts | null = null;

if (!dpkg.missing) {
  Deno.test.beforeAll(async () => {
    built = await takeApart();
  });
  Deno.test.afterAll(() => built?.remove());
}

function parts(): Parts {
  assert.ok(built !== null);
  return built;
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `deb: ${name}${dpkg.suffix}`, ignore: dpkg.missing, fn });
}

/** No home, no cache, and a registry and proxies that refuse: whatever Deno wanted to fetch would fail. */
const bare = {
  PATH: "/usr/bin:/bin",
  // Nobody, not even root, can make a folder here.
  HOME: "/proc/nonexistent",
  NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/",
  HTTP_PROXY: "http://127.0.0.1:1",
  HTTPS_PROXY: "http://127.0.0.1:1",
};

test("control fields", async () => {
  const field = async (name: string) => (await run("dpkg-deb", ["--field", parts().path, name])).trim();
  assert.equal(await field("Package"), "maglevd-deno");
  assert.equal(await field("Version"), version);
  assert.equal(await field("Architecture"), (await run("dpkg", ["--print-architecture"])).trim());
  // fstat, which ffi/ calls, is a symbol of its own since 2.33; Deno itself asks for less.
  const [libc = "", ...others] = (await field("Depends")).split(", ");
  const [, minor = "0"] = /^libc6 \(>= 2\.(\d+)\)$/.exec(libc) ?? [];
  assert.ok(Number(minor) >= 33, libc);
  assert.deepEqual(others, ["libgcc-s1", "libssl3 (>= 3.0.0) | libssl3t64 (>= 3.0.0)", "adduser"]);
  for (const relation of ["Conflicts", "Replaces", "Provides"]) {
    assert.equal(await field(relation), "vpp-maglev, vpp-maglevd", relation);
  }
  const maintainer = await field("Maintainer");
  assert.ok(!maintainer.includes(Deno.hostname()) && !maintainer.includes("localhost"), maintainer);
  assert.equal(await field("Recommends"), "ca-certificates");
  const size = Number(await field("Installed-Size"));
  const { size: deno } = await Deno.stat(Deno.execPath());
  assert.ok(size > deno / 1024 && size < deno / 1024 + 20_000, `${size} KiB`);
});

test("files, modes and owners", async () => {
  const { rows } = parts();
  const modes = new Map(rows.map(({ path, mode }) => [path, mode]));
  const expected = {
    "/usr/sbin/maglevd": "-rwxr-xr-x",
    "/usr/bin/maglevc": "-rwxr-xr-x",
    "/usr/lib/maglevd-deno/deno": "-rwxr-xr-x",
    "/usr/lib/maglevd-deno/maglevd.js": "-rw-r--r--",
    "/usr/lib/maglevd-deno/maglevc.js": "-rw-r--r--",
    "/etc/vpp-maglev/maglev.yaml": "-rw-r-----",
    "/etc/default/maglevd": "-rw-r--r--",
    "/lib/systemd/system/maglevd.service": "-rw-r--r--",
    "/usr/share/man/man8/maglevd.8.gz": "-rw-r--r--",
    "/usr/share/man/man1/maglevc.1.gz": "-rw-r--r--",
    "/usr/share/man/man5/maglev.yaml.5.gz": "-rw-r--r--",
    "/usr/share/bash-completion/completions/maglevc": "-rw-r--r--",
    "/usr/share/zsh/vendor-completions/_maglevc": "-rw-r--r--",
    "/usr/share/doc/maglevd-deno/copyright": "-rw-r--r--",
    "/usr/share/doc/maglevd-deno/README.md": "-rw-r--r--",
    "/usr/share/doc/maglevd-deno/docs/packaging/netns.conf": "-rw-r--r--",
  };
  for (const [path, mode] of Object.entries(expected)) assert.equal(modes.get(path), mode, path);
  for (const { path, mode, owner } of rows) {
    assert.equal(owner, "root/root", path);
    assert.ok(!/[sStT]/.test(mode) && mode.at(5) === "-" && mode.at(8) === "-", `${path}: ${mode}`);
  }
  const conffiles = await Deno.readTextFile(`${parts().control}/conffiles`);
  assert.equal(conffiles, "/etc/default/maglevd\n/etc/vpp-maglev/maglev.yaml\n");
});

test("NEWS.Debian names the package and what an upgrade brings", async () => {
  const news = await run("gzip", ["-dc", `${parts().root}/usr/share/doc/maglevd-deno/NEWS.Debian.gz`]);
  assert.match(
    news,
    new RegExp(`^maglevd-deno \\(${version.replaceAll(".", "\\.")}\\) unstable; urgency=medium\n\n {2}`),
  );
  assert.match(
    news,
    /\n\n -- .+ <[^@>]+@[^@>]+> {2}[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} \+0000\n$/,
  );
  for (const [, path = ""] of news.matchAll(/(\/usr\/share\/doc\/\S+\.md)/g)) {
    assert.ok((await Deno.stat(parts().root + path)).isFile, path);
  }
});

const lintian = optionalTool("lintian");
Deno.test({
  name: `deb: lintian finds nothing but what the overrides explain${dpkg.suffix || lintian.suffix}`,
  ignore: dpkg.missing || lintian.missing,
  async fn() {
    // Compressed as little as possible, which is what it complains of otherwise.
    const folder = await Deno.makeTempDir({ prefix: "maglev-lintian-" });
    try {
      const path = await buildDeb({ out: folder, compression: "gzip" });
      const { code, stdout } = await new Deno.Command("lintian", {
        args: ["--fail-on", "error,warning", path],
        env: { LC_ALL: "C" },
      }).output();
      assert.equal(new TextDecoder().decode(stdout), "");
      assert.equal(code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

test("md5sums are those of the files", async () => {
  const sums = (await Deno.readTextFile(`${parts().control}/md5sums`)).trimEnd().split("\n");
  assert.equal(sums.length, parts().rows.filter(({ mode }) => mode.startsWith("-")).length);
  for (const line of sums) {
    const [sum, path = ""] = line.split("  ");
    const data = await Deno.readFile(`${parts().root}/${path}`);
    assert.equal(createHash("md5").update(data).digest("hex"), sum, path);
  }
});

test("maintainer scripts are sh, and never enable or start the service", async () => {
  for (const name of ["preinst", "postinst", "prerm", "postrm"]) {
    const path = `${parts().control}/${name}`;
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o755, name);
    await run("sh", ["-n", path]);
    const text = await Deno.readTextFile(path);
    assert.match(text, /^#!\/bin\/sh\n/);
    // preinst holds the example of the configuration, whose comments name commands.
    const script = text.replaceAll(/^#.*$/gm, "");
    const verbs = [...script.matchAll(/(?:systemctl|deb-systemd-invoke)(?: --\w+)* ([a-z-]+)/g)].map((
      [, v],
    ) => v);
    const harmless = ["daemon-reload", "try-restart", "stop"];
    assert.deepEqual(verbs.filter((verb) => !harmless.includes(verb ?? "")), [], name);
  }
});

test("every thread's file is where the program looks for it", async () => {
  const folder = `${parts().root}/usr/lib/maglevd-deno`;
  let threads = 0;
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".js")) continue;
    const text = await Deno.readTextFile(`${folder}/${name}`);
    const started = [...text.matchAll(/new Worker\(/g)].length;
    const files = [...text.matchAll(/new Worker\(new URL\("\.\/([\w.]+)", import\.meta\.url\)/g)];
    assert.equal(files.length, started, `${name} starts a thread in a way the package does not know`);
    for (const [, file = ""] of files) {
      const [, target = ""] = /^import "\.\/(.*)";\n$/.exec(await Deno.readTextFile(`${folder}/${file}`)) ??
        [];
      assert.ok((await Deno.stat(`${folder}/${target}`)).isFile, target);
      threads++;
    }
  }
  assert.ok(threads >= 3, "the probe worker, the matcher and the checker");
});

test("nothing tells where it was built", async () => {
  const { denoDir } = JSON.parse(await run(Deno.execPath(), ["info", "--json"])) as { denoDir: string };
  const project = new URL("../../", import.meta.url).pathname;
  for (const { path, mode } of parts().rows) {
    if (!mode.startsWith("-") || path === "/usr/lib/maglevd-deno/deno") continue;
    const text = new TextDecoder("latin1").decode(await Deno.readFile(parts().root + path));
    for (const place of [project, denoDir.slice(1)]) assert.ok(!text.includes(place), `${path}: ${place}`);
  }
});

test("the copyright file holds a licence for each package inside", async () => {
  const text = await Deno.readTextFile(`${parts().root}/usr/share/doc/maglevd-deno/copyright`);
  const programs = await Deno.readTextFile(`${parts().root}/usr/lib/maglevd-deno/maglevd.js`);
  const inside = new Set(
    [...programs.matchAll(/^(?:\/\/ | {2}")npm:((?:@[\w-]+\/)?[\w.-]+)@(\d[\w.-]*)\//gm)].map((
      [, name, is],
    ) => `${name} ${is}`),
  );
  assert.ok(inside.size > 5);
  for (const name of inside) assert.ok(text.includes(`\n${name}: `), name);
});

test("V8 keeps the daemon's files with one octet for each character", async () => {
  const folder = `${parts().root}/usr/lib/maglevd-deno`;
  let count = 0;
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".js") || name === "maglevc.js") continue;
    count++;
    const wide = /[\u0100-\uffff]/.exec(await Deno.readTextFile(`${folder}/${name}`));
    assert.equal(wide, null, `${name} has the character ${wide?.[0]}`);
  }
  assert.ok(count >= 5);
});

test("the wrappers hold the rights of deno.json, written out", async () => {
  for (const [path, set] of [["/usr/sbin/maglevd", "daemon"], ["/usr/bin/maglevc", "client"]] as const) {
    const text = await Deno.readTextFile(parts().root + path);
    const rights = [...text.matchAll(/^ {2}'(--allow-.*)' \\$/gm)].map(([, right]) => right);
    assert.deepEqual(rights, permissionFlags(manifest.permissions[set]));
    assert.doesNotMatch(text, / -P| -A|--allow-all/);
    for (const flag of memoryFlags) assert.equal(text.includes(` ${flag} `), set === "daemon");
    for (const [name, value] of Object.entries(memoryEnvironment)) {
      assert.equal(text.includes(`export ${name}=${value}\n`), set === "daemon");
    }
  }
});

test("as installed the configuration lacks two addresses, and its example is right", async () => {
  const maglevd = `${parts().root}/usr/sbin/maglevd`;
  const installed = `${parts().root}/etc/vpp-maglev/maglev.yaml`;
  const refused = await outcome(maglevd, ["--config", installed], bare);
  assert.equal(refused.code, 2);
  assert.deepEqual(refused.errors.trimEnd().split("\n").map((line) => line.replace(/^.*: /, "")), [
    'required key "ipv4-src-address" is missing',
    'required key "ipv6-src-address" is missing',
  ]);
  const text = await Deno.readTextFile(installed);
  const example = `${parts().root}/example.yaml`;
  await Deno.writeTextFile(example, text.replaceAll(/^( +)# ( *(?:- )?[a-z0-9-]+:)/gm, "$1$2"));
  const checked = await outcome(maglevd, ["--check", "--config", example], bare);
  assert.deepEqual(checked, { code: 0, out: `${example}: ok\n`, errors: "" });
  await Deno.remove(example);
});

test("the installed daemon probes, matches, programs VPP, reloads and ends, without home, cache or network", async () => {
  await using vpp = await Vpp.start();
  // Over 4 KiB, so that the body is searched by the matcher's thread.
  const body = `${"x".repeat(8000)}all is well`;
  await using server = Deno.serve(
    { hostname: "127.78.1.1", port: 0, onListen() {} },
    () => new Response(body),
  );
  const { port } = server.addr;
  const config = (backends: readonly string[]) =>
    `maglev:
${lbSettings}
  healthchecks:
    web:
      { type: http, port: ${port}, interval: 1s, fast-interval: 50ms, timeout: 5s, params: { response-regexp: "all is wel+$" } }
  backends:
${
      backends.map((name, index) => `    ${name}: { address: 127.78.1.${index + 1}, healthcheck: web }\n`)
        .join("")
    }
  frontends:
    www:
      { address: 198.51.100.10, protocol: tcp, port: 80, pools: [{ name: all, backends: { ${
      backends.map((name) => `${name}: {}`).join(", ")
    } } }] }
`;
  await using daemon = await TestDaemon.start({
    command: `${parts().root}/usr/sbin/maglevd`,
    env: bare,
    config: config(["b1"]),
    vpp: vpp.paths,
    until: "ready",
  });
  assert.equal(daemon.errors, "", "no warning of Deno's");
  await daemon.logged((line) =>
    line.msg === "backend-transition" && line.backend === "b1" && line.to === "up"
  );
  const [probe] = (await daemon.get<Backend>("/v1/backends/b1")).transitions;
  assert.equal(probe?.code, "L7OK");
  await daemon.send("POST", "/v1/vpp/lb/sync", {});
  assert.deepEqual(await weightsInVpp(daemon, "www"), [100]);

  const info = await daemon.get<Info>("/v1/info");
  assert.equal(info.version, version);
  assert.match(
    await Deno.readTextFile(`${parts().root}/usr/sbin/maglevd`),
    new RegExp(`MAGLEV_COMMIT=${info.commit} `),
  );
  assert.ok(Date.parse(info.date) > 0, "the time of the build");
  for (
    const path of ["/docs", "/docs/style.css", "/openapi.json", "/metrics"]
  ) {
    const answer = await fetch(daemon.api + path);
    assert.equal(answer.status, 200, path);
    assert.ok((await answer.text()).length > 100, path);
  }

  // A reload checks in a thread of its own, by signal as by request.
  await Deno.writeTextFile(daemon.config, config(["b1", "b2"]));
  daemon.kill("SIGHUP");
  await daemon.logged((line) => line.msg === "backend-transition" && line.backend === "b2");
  assert.equal((await daemon.get<Frontend>("/v1/frontends/www")).pools[0]?.backends.length, 2);
  await Deno.writeTextFile(daemon.config, "maglev: [");
  const problem = await daemon.send<Problem>("POST", "/v1/config/reload", undefined, 422);
  assert.ok((problem.errors?.length ?? 0) > 0);
  await Deno.writeTextFile(daemon.config, config(["b1"]));
  const { ok } = await daemon.send<ConfigCheck>("POST", "/v1/config/check");
  assert.ok(ok);
  const reloaded = await daemon.send<ConfigReload>("POST", "/v1/config/reload");
  assert.deepEqual(reloaded.changes.map(({ name, change }) => `${name} ${change}`).sort(), [
    "b2 removed",
    "www changed",
  ]);

  const maglevc = `${parts().root}/usr/bin/maglevc`;
  const shown = await outcome(maglevc, ["--server", daemon.api, "show", "frontends"], bare);
  assert.equal(shown.errors, "");
  assert.match(shown.out, /^.*www.*198\.51\.100\.10.*up/m);
  const completed = await outcome(
    maglevc,
    ["--complete", `maglevc --server ${daemon.api} show backend `],
    bare,
  );
  assert.match(completed.out, /^b1\t/m);
  const unreachable = await outcome(maglevc, ["--server", "http://127.0.0.1:1", "show", "version"], bare);
  assert.equal(unreachable.code, 3);

  daemon.kill("SIGTERM");
  assert.equal((await daemon.status()).code, 0);
  assert.equal(daemon.errors, "");
});

const place = dpkg.missing
  ? { kind: "none", reason: "dpkg-deb is not installed" } as const
  : await trialPlace();
Deno.test({
  name: `deb: dpkg installs, reinstalls, removes and purges it${
    place.kind === "none" ? ` (skipped: ${place.reason})` : ` (${place.kind})`
  }`,
  ignore: place.kind === "none",
  async fn() {
    const seen = await installTrial(parts().path, place);
    const lines = (step: string) => (seen.get(step) ?? "").trimEnd().split("\n");
    assert.deepEqual(lines("status"), ["install ok installed"]);
    assert.match(
      lines("user")[0] ?? "",
      /^maglevd:x:\d+:\d+:maglevd,*:\/nonexistent:\/usr\/sbin\/nologin$/,
    );
    assert.deepEqual(lines("groups"), ["maglevd vpp"]);
    assert.deepEqual(lines("modes"), ["640 root:maglevd", "755 root:root", "644 root:root"]);
    assert.deepEqual(lines("changed"), [""], "dpkg --verify finds every file as packaged");
    assert.deepEqual(lines("enabled"), ["none"]);
    assert.deepEqual(lines("running"), ["none"]);
    assert.match(lines("version")[0] ?? "", new RegExp(`^maglevd ${version} `));
    assert.deepEqual(lines("unedited").slice(-1), ["exit 2"], "it does not run before it is configured");
    assert.deepEqual(lines("manual"), ["maglevd.8.gz", "maglevc.1.gz", "maglev.yaml.5.gz"]);
    const [edited, mode, traces] = lines("kept");
    assert.deepEqual([edited, mode], ["# mine", "600 root:root"], "a reinstallation keeps what was edited");
    assert.ok(Number(traces) > 10, "installed files are found");
    assert.deepEqual(lines("removed"), [
      "deinstall ok config-files",
      "/etc/default/maglevd",
      "/etc/vpp-maglev/maglev.yaml",
    ]);
    assert.deepEqual(lines("purged"), ["gone"]);
    assert.deepEqual(lines("left"), [""]);
    assert.deepEqual(lines("took over"), [
      "maglevd-deno install ok installed",
      "the operator's file",
      "maglevd-deno: /usr/sbin/maglevd",
      "maglevd-deno: /usr/bin/maglevc",
      "nothing left behind",
      "the operator's file",
      "the operator's file",
    ], "the packages of the Go project make room, and their configuration stays");
    assert.match(lines("refused").join("\n"), /conflicts with maglevd-deno|conflicting packages/);
    assert.deepEqual(lines("still"), [`maglevd ${version}`]);
  },
});

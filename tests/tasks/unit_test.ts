import assert from "node:assert/strict";
import { localTokenFiles } from "../../src/net/local_token.ts";
import { optionalTool } from "../tool.ts";

const systemd = optionalTool("systemd-analyze");
const packaging = new URL("../../docs/packaging/", import.meta.url);

/** Exposure above which systemd's own review fails the unit, in tenths: below 2.0 it says "OK". */
const mostExposed = 20;

/** One row of the review. */
interface Assessment {
  readonly set: boolean | null;
  readonly json_field?: string;
  readonly name: string;
}

async function analyze(
  folder: string,
  ...args: string[]
): Promise<{ code: number; out: string; errors: string }> {
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
    args,
    env: { SYSTEMD_UNIT_PATH: `${folder}:`, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), errors: decoder.decode(stderr) };
}

/** The unit in a folder of its own; the command that it starts is one that every machine has. */
async function withUnit(
  dropIn: boolean,
  use: (folder: string, unit: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-unit-" });
  try {
    const text = await Deno.readTextFile(new URL("maglevd.service", packaging));
    assert.ok(text.includes("\nExecStart=/usr/sbin/maglevd\n"));
    await Deno.writeTextFile(`${folder}/maglevd.service`, text.replaceAll("/usr/sbin/maglevd", "/bin/true"));
    if (dropIn) {
      await Deno.mkdir(`${folder}/maglevd.service.d`);
      const commented = await Deno.readTextFile(new URL("netns.conf", packaging));
      const active = commented.replaceAll(/^# (?=\[Service\]|[A-Z][A-Za-z]+=)/gm, "");
      assert.equal(active.split("\n").filter((line) => /^[^#]/.test(line)).length, 4, active);
      await Deno.writeTextFile(`${folder}/maglevd.service.d/netns.conf`, active);
    }
    await use(folder, `${folder}/maglevd.service`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function grants(folder: string, unit: string): Promise<Set<string>> {
  const { out, errors } = await analyze(
    folder,
    "security",
    "--offline=true",
    "--json=short",
    "--no-pager",
    unit,
  );
  assert.match(out, /^\[/, errors);
  const rows = JSON.parse(out) as Assessment[];
  return new Set(rows.filter(({ set }) => set === false).map(({ name }) => name));
}

for (const dropIn of [false, true]) {
  const what = dropIn ? "the unit with netns.conf" : "the unit";
  Deno.test({
    name: `packaging: systemd finds nothing wrong with ${what}${systemd.suffix}`,
    ignore: systemd.missing,
    async fn() {
      await withUnit(dropIn, async (folder, unit) => {
        const { code, out, errors } = await analyze(folder, "verify", "--man=no", unit);
        assert.deepEqual({ code, out, errors }, { code: 0, out: "", errors: "" });
      });
    },
  });
}

Deno.test({
  name: `packaging: the unit is hardened, and only netns.conf grants CAP_SYS_ADMIN${systemd.suffix}`,
  ignore: systemd.missing,
  async fn() {
    const admin = "CapabilityBoundingSet=~CAP_SYS_ADMIN";
    await withUnit(false, async (folder, unit) => {
      const { code, out, errors } = await analyze(
        folder,
        "security",
        "--offline=true",
        `--threshold=${mostExposed}`,
        "--no-pager",
        unit,
      );
      assert.equal(code, 0, `${out.trim().split("\n").at(-1)} ${errors}`);
      assert.ok(!(await grants(folder, unit)).has(admin));
    });
    await withUnit(true, async (folder, unit) => assert.ok((await grants(folder, unit)).has(admin)));
  },
});

Deno.test("packaging: the unit runs as its own user and reloads by SIGHUP after a check", async () => {
  const unit = await Deno.readTextFile(new URL("maglevd.service", packaging));
  const values = (key: string) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value);
  assert.deepEqual(values("User"), ["maglevd"]);
  assert.deepEqual(values("SupplementaryGroups"), ["vpp"]);
  assert.deepEqual(values("AmbientCapabilities"), ["CAP_NET_RAW"]);
  assert.deepEqual(values("ExecReload"), ["/usr/sbin/maglevd --check", "/bin/kill -HUP $MAINPID"]);
  // systemd makes the folder below /var/lib, and the daemon is told of it.
  assert.deepEqual(values("StateDirectory"), ["vpp-maglev"]);
  assert.deepEqual(values("StateDirectoryMode"), ["0700"]);
  assert.ok(values("Environment").includes("MAGLEV_STATE_DIR=/var/lib/vpp-maglev"));
  assert.ok(unit.indexOf("Environment=MAGLEV_STATE_DIR") < unit.indexOf("EnvironmentFile="));
  // The daemon tells systemd that it has started, and that both its threads live.
  assert.deepEqual(values("Type"), ["notify"]);
  assert.deepEqual(values("NotifyAccess"), ["main"]);
  assert.deepEqual(values("WatchdogSec"), ["60"]);
  // No restart mends a wrong configuration, flag or file.
  assert.deepEqual(values("Restart"), ["on-failure"]);
  assert.deepEqual(values("RestartPreventExitStatus"), ["2"]);
  assert.deepEqual(values("OOMScoreAdjust"), ["-500"]);
  assert.deepEqual(values("MemoryDenyWriteExecute"), [], "Deno compiles to machine code");
});

Deno.test("the unit makes the folder of the local token, where its group and maglevc find it", async () => {
  const text = await Deno.readTextFile(new URL("maglevd.service", packaging));
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1];
  assert.equal(localTokenFiles(undefined)[0], `/run/${value("RuntimeDirectory")}/token`);
  assert.equal(value("RuntimeDirectoryMode"), "0755");
  assert.equal(value("Group"), "maglevd", "whose members may read the token");
});

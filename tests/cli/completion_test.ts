import assert from "node:assert/strict";
import { startDaemon } from "./daemon.ts";
import { cleanEnv, has, maglevc, start } from "./process.ts";
import { Terminal } from "./terminal.ts";

const withBash = await has("bash", "--version");
const withZsh = await has("zsh", "--version");
const withTmux = await has("tmux", "-V");

/** Words that complete a line. */
async function candidates(line: string, env: Record<string, string> = {}): Promise<string[]> {
  const { code, out, err } = await start(["--complete", line], { env });
  assert.deepEqual([code, err], [0, ""]);
  return out.split("\n").filter((row) => row !== "").map((row) => row.split("\t")[0] ?? "");
}

/** A folder that holds a program called maglevc. */
async function programFolder(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const command = maglevc.map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(`${folder}/maglevc`, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  return folder;
}

Deno.test("--complete answers with keywords, names of the server in the line, and flags", async () => {
  await using daemon = startDaemon();
  const env = { MAGLEV_SERVER: daemon.url };
  assert.deepEqual(await candidates("maglevc sh fr", env), ["frontends", "frontend"]);
  assert.deepEqual(await candidates("maglevc show frontend ", env), ["www", "www6", "dns", "legacy"]);
  assert.deepEqual(await candidates("maglevc set front www po primary back w", env), [
    "web1",
    "web2",
    "web3",
  ]);
  assert.deepEqual(await candidates(`maglevc --server ${daemon.url} --json show back s`), ["sort", "spare1"]);
  assert.deepEqual(await candidates("maglevc show x ", env), []);
  assert.deepEqual(await candidates("maglevc --c"), ["--ca-file", "--color"]);
  assert.deepEqual(await candidates("maglevc --color a"), ["auto", "always"]);
  assert.deepEqual(await candidates("maglevc --server "), []);
  assert.deepEqual(await candidates("maglevc --ca-file x"), [":files"]);
  assert.deepEqual(await candidates("maglevc config check ", env), [":files"]);
  assert.deepEqual(await candidates("maglevc show frontend www if ", env), [
    "web1",
    "web2",
    "web3",
    "spare1",
  ]);
  assert.deepEqual(await candidates("maglevc clear override ", env), [
    "weight-www6-all-web2",
    "pause-web2",
    "weight-old",
  ]);
  assert.deepEqual(await candidates("maglevc set backend web1 pause ", env), [
    "for",
    "until",
    "reason",
    "everywhere",
    "dry-run",
    "yes",
  ]);
  assert.deepEqual(await candidates("maglevc show events for w", env), [
    "web1",
    "web2",
    "web3",
    "www",
    "www6",
  ]);
  assert.deepEqual(await candidates("maglevc show events kind b", env), ["backend"]);
  assert.deepEqual(await candidates("maglevc explain ", env), ["frontend", "backend"]);
  // Without a server there are still keywords.
  assert.deepEqual(await candidates("maglevc sync vpp lb state ", { MAGLEV_SERVER: "unix:/nonexistent" }), [
    "plan",
  ]);
});

Deno.test({
  name: `bash: the script's function fills COMPREPLY${withBash ? "" : " (skipped: no bash)"}`,
  ignore: !withBash,
  async fn() {
    await using daemon = startDaemon();
    const folder = await programFolder();
    const script = `
      source <(maglevc completion bash)
      COMP_LINE='maglevc show backend ' COMP_POINT=21
      _maglevc maglevc
      printf '%s\\n' "\${COMPREPLY[@]}"
      complete -p maglevc`;
    const { out, err } = await start(["-c", script], {
      command: ["bash"],
      env: { MAGLEV_SERVER: daemon.url, PATH: `${folder}:${cleanEnv().PATH}` },
    });
    assert.equal(err, "");
    assert.equal(out, "web1\nweb2\nweb3\nspare1\nns1\ncomplete -F _maglevc maglevc\n");
    await Deno.remove(folder, { recursive: true });
  },
});

for (
  const { shell, present, command, prompt } of [
    { shell: "bash", present: withBash, command: "bash --norc --noprofile -i", prompt: "PS1='ready> '" },
    {
      shell: "zsh",
      present: withZsh,
      command: "zsh -f -i",
      prompt: "autoload -Uz compinit; compinit -u -D; PS1='ready> '",
    },
  ]
) {
  const reason = !present ? ` (skipped: no ${shell})` : !withTmux ? " (skipped: no tmux)" : "";
  Deno.test({
    name: `${shell}: Tab in a real terminal completes keywords and live names${reason}`,
    ignore: reason !== "",
    async fn() {
      await using daemon = startDaemon();
      const folder = await programFolder();
      {
        await using terminal = await Terminal.open("sh");
        await terminal.type(
          `export PATH=${folder}:$PATH MAGLEV_SERVER=${daemon.url}; exec ${command}`,
          "Enter",
          `${prompt}; source <(maglevc completion ${shell}); clear`,
          "Enter",
        );
        await terminal.see(/^ready>$/);
        await terminal.type("maglevc sh", "Tab");
        await terminal.see(/^ready> maglevc show$/);
        await terminal.type("healthc", "Tab");
        await terminal.see(/^ready> maglevc show healthcheck/);
        await terminal.type("C-u", "maglevc show frontend le", "Tab");
        await terminal.see(/ready> maglevc show frontend legacy$/);
        await terminal.type("C-u", `maglevc --server ${daemon.url} set frontend www pool f`, "Tab");
        await terminal.see(/pool fallback$/);
        await terminal.type("C-u", `maglevc config check ${folder}/magl`, "Tab");
        await terminal.see(/\/maglevc$/);
        await terminal.type("C-u", "maglevc show backend web3 ", "Enter");
        await terminal.see(/address +10\.0\.0\.13/);
      }
      await Deno.remove(folder, { recursive: true });
    },
  });
}

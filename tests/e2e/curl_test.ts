/** The commands of the documents that need a running daemon, run by a shell. */
import assert from "node:assert/strict";
import type { Info } from "../../src/api/mod.ts";
import { cleanEnv } from "../cli/process.ts";
import { noOpenssl, testWith } from "../probes/needs.ts";
import { sha256 } from "../routes/calls.ts";
import { project, TestDaemon } from "./harness.ts";
import { lbSettings } from "./world.ts";

const config = `maglev:
${lbSettings}
  healthchecks: {}
  backends: { b1: { address: 127.0.0.1 } }
  frontends: { web: { address: 198.51.100.10, pools: [{ name: main, backends: { b1: {} } }] } }
`;

function missing(): string | null {
  try {
    new Deno.Command("curl", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return null;
  } catch {
    return "no curl installed";
  }
}

/** The shell blocks of a part of a document, from one heading to the next. */
async function blocks(path: string, heading: string): Promise<string[]> {
  const text = await Deno.readTextFile(project(path));
  const from = text.indexOf(`\n${heading}\n`);
  assert.ok(from >= 0, heading);
  const to = text.indexOf("\n#", from + heading.length);
  return [...text.slice(from, to).matchAll(/```sh\n([^]*?)```/g)].map((match) => match[1] ?? "");
}

async function shell(text: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", text],
    clearEnv: true,
    env: cleanEnv(),
  }).output();
  assert.equal(code, 0, `${text}\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** A block, asked of a daemon of this test instead of the one that is installed. */
const forDaemon = (block: string, daemon: TestDaemon) =>
  block.replaceAll("/run/vpp-maglev/token", daemon.tokenFile).replaceAll(
    "127.0.0.1:9090",
    new URL(daemon.api).host,
  );

testWith([missing()], "docs/api.md: curl changes something with the local token", async () => {
  await using daemon = await TestDaemon.start({ config, vpp: null });
  const [block = ""] = await blocks("docs/api.md", "### The local token");
  assert.match(block, /^AUTH=[^]*curl /);
  assert.equal(JSON.parse(await shell(forDaemon(block, daemon))).state, "paused");
  const [auth = ""] = await blocks("docs/api.md", "## Operations");
  const [pauses = ""] = await blocks("docs/api.md", "### POST /v1/backends/{name}/pause");
  const withReason = pauses.split(/^(?=curl)/m).find((command) => command.includes("kernel update")) ?? "";
  await daemon.send("POST", "/v1/backends/b1/resume");
  const mark = daemon.log.length;
  assert.equal(JSON.parse(await shell(forDaemon(auth + withReason, daemon))).state, "paused");
  assert.equal((await daemon.logged((line) => line.msg === "api-change", mark)).reason, "kernel update");
});

testWith([noOpenssl], "docs/operations.md: a new token, made and hashed as written there", async () => {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  try {
    const auth = `${folder}/auth.yaml`;
    const write = (hash: string) =>
      Deno.writeTextFile(auth, `tokens: [{ name: noc, sha256: ${hash}, role: viewer }]\n`, { mode: 0o640 });
    await write(sha256("leaked"));
    await using daemon = await TestDaemon.start({
      config,
      vpp: null,
      args: ["--auth-file", auth],
      until: "ready",
    });
    const [block = ""] = await blocks("docs/operations.md", "### A new token, a new certificate");
    const lines = block.split("\n").map((line) => line.replace(/\s+#.*$/, ""));
    const [make = "", hash = ""] = lines;
    const said = await shell(`${make}\necho "$TOKEN"\n${hash}`);
    const [token = "", sum = ""] = said.split("\n");
    await write(sum.split(" ")[0] ?? "");
    daemon.kill("SIGHUP");
    await daemon.logged((line) => line.msg === "file-read");
    const answer = await fetch(`${daemon.api}/v1/info`, { headers: { authorization: `Bearer ${token}` } });
    const { you }: Info = await answer.json();
    assert.deepEqual(you, { name: "noc", role: "viewer" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

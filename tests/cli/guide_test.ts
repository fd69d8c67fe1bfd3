import assert from "node:assert/strict";
import { grammar } from "../../src/cli/commands/grammar.ts";
import { referenceMarkdown } from "../../src/cli/reference.ts";
import { startDaemon } from "./daemon.ts";
import { cleanEnv, has, maglevc, selfSigned, start } from "./process.ts";
import { run } from "./session.ts";
import { news } from "./site_answers.ts";

/** MAGLEV_UPDATE_GOLDEN=1 writes outputs and reference anew. */
const update = Deno.env.get("MAGLEV_UPDATE_GOLDEN") === "1";
const file = new URL("../../docs/user-guide.md", import.meta.url);

/** Columns of the terminal that the examples show. */
const width = 96;

/** Bodies of the code blocks of a kind. */
function blocks(text: string, kind: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${kind}\\n([^]*?)^\`\`\`$`, "gm"))].map(([, body = ""]) =>
    body
  );
}

Deno.test("docs/user-guide.md: every console example prints what it shows", async () => {
  let text = await Deno.readTextFile(file);
  const examples = blocks(text, "console");
  let at = 0;
  assert.ok(examples.length >= 15);
  for (const example of examples) {
    await using daemon = startDaemon();
    daemon.news.push(...news);
    let shown = "";
    const commands = [...example.matchAll(/^\$ maglevc (.*)$/gm)].map(([, words = ""]) => words);
    assert.ok(commands.length > 0, example);
    for (const words of commands) {
      const { out, err } = await run(daemon, words, { width });
      shown += `$ maglevc ${words}\n${out}${err}`;
    }
    if (!update) assert.equal(shown, example);
    at = text.indexOf(example, at);
    text = text.slice(0, at) + shown + text.slice(at + example.length);
    at += shown.length;
  }
  if (update) await Deno.writeTextFile(file, text);
});

Deno.test("docs/user-guide.md: the reference is that of the commands", async () => {
  const text = await Deno.readTextFile(file);
  const [before = "", rest = ""] = text.split("<!-- reference -->\n");
  const [reference = "", after = ""] = rest.split("<!-- /reference -->");
  const wanted = referenceMarkdown(grammar);
  if (update) {
    await Deno.writeTextFile(file, `${before}<!-- reference -->\n\n${wanted}\n<!-- /reference -->${after}`);
    return;
  }
  // The formatter breaks lines where it likes.
  const words = (markdown: string) => markdown.split(/\s+/).filter((word) => word !== "").join(" ");
  assert.equal(words(reference), words(wanted));
});

const withTools = await has("bash", "--version") && await has("openssl", "version");

Deno.test({
  name: `docs/user-guide.md: every shell example runs${withTools ? "" : " (skipped: no bash or no openssl)"}`,
  ignore: !withTools,
  async fn() {
    const folder = await Deno.makeTempDir();
    const tls = await selfSigned();
    await Deno.writeTextFile(`${folder}/ca.pem`, tls.cert);
    const command = maglevc.map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(`${folder}/maglevc`, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    {
      await using daemon = startDaemon();
      daemon.news.push(...news);
      await using _local = startDaemon({ path: `${folder}/api.sock` });
      await using secure = startDaemon({ tls });
      // The VIP answers on this machine.
      const vip = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
      const [www] = daemon.control.frontends();
      assert.ok(www !== undefined);
      www.address = "127.0.0.1";
      www.port = vip.addr.port;
      const examples = blocks(await Deno.readTextFile(file), "sh");
      assert.ok(examples.length >= 5);
      for (const example of examples) {
        const here = example
          .replaceAll("/run/vpp-maglev/api.sock", `${folder}/api.sock`)
          .replaceAll("https://lb1.example.net:9090", secure.url)
          .replaceAll("/etc/ssl/our-ca.pem", `${folder}/ca.pem`);
        // The VIP of the tests speaks no TLS, so that example may fail, but only by failing probes.
        const script = here.replaceAll(/^(.* tls insecure)$/gm, "$1 || [ $? = 1 ]");
        const { code, err } = await start(["-euc", `cd ${folder}\n${script}`], {
          command: ["bash", "-o", "pipefail"],
          env: { MAGLEV_SERVER: daemon.url, PATH: `${folder}:${cleanEnv().PATH}` },
        });
        assert.deepEqual([code, err], [0, ""], example);
      }
      await vip.shutdown();
    }
    await Deno.remove(folder, { recursive: true });
  },
});

import assert from "node:assert/strict";
import type { Info, LbCounters, LbState, Whereis } from "../../src/api/mod.ts";
import { Demo, freeAddress } from "./demo.ts";
import { project } from "./harness.ts";

/** Processes that have `text` on their command line. */
async function processesOf(text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const line = (await Deno.readTextFile(`/proc/${name}/cmdline`)).replaceAll("\0", " ");
      if (line.includes(text)) found.push(line);
    } catch (error) {
      // It ended meanwhile.
      if (!(error instanceof Deno.errors.NotFound) && !/os error 3/.test(String(error))) throw error;
    }
  }
  return found;
}

async function get<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return await answer.json();
}

Deno.test("the demo: words kill, start and change things, its client works, and Ctrl-C leaves nothing", async () => {
  const listen = freeAddress();
  const api = `http://${listen}`;
  await using demo = new Demo(["--listen", listen]);
  const folder = /(\/\S+)$/.exec(await demo.next(/^Everything is up/))?.[1] ?? "";
  assert.equal((await Deno.stat(folder)).mode ?? 0, 0o40700);
  const client = async (...words: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(`${folder}/maglevc`, { args: words, cwd: "/" })
      .output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  };

  // The words, each with what it says and what then happens.
  assert.match(await demo.say("dance", /unknown word/), /help lists the words/);
  await demo.say("kill b1", /b1 is dead/);
  await demo.next(/backend {3}b1 up → down/);
  const state = await get<LbState>(`${api}/v1/vpp/lb/state?frontend=www`);
  assert.equal(state.vips[0]?.application_servers.find((server) => server.backend === "b1")?.weight, 0);
  await demo.say("start b1", /b1 runs/);
  await demo.next(/backend {3}b1 down → up/);
  await demo.say("slow b2 700ms", /b2 answers 700 ms late/);
  await demo.next(/backend {3}b2 up → down {2}L7TOUT/);
  await demo.say("drift", /VPP has weight 0 for b1/);
  await demo.say("slow b2 0s", /b2 answers at once/);
  await demo.next(/backend {3}b2 down → up/);

  // Traffic is real: the client sees the servers, whereis is right, and counters move.
  const shown = await client("show", "frontends");
  assert.equal(shown.code, 0, shown.text);
  assert.match(shown.text, /www/);
  // A change needs the demo's own token, which nobody else can read.
  assert.equal((await Deno.stat(`${folder}/token`)).mode ?? 0, 0o100640);
  const refused = await fetch(`${api}/v1/backends/b3/pause`, { method: "POST" });
  assert.match((await refused.json()).detail, new RegExp(`A change needs a token: .*${folder}/token`));
  for (const [action, state] of [["pause", "paused"], ["resume", "unknown|up"]] as const) {
    const changed = await client("set", "backend", "b3", action);
    assert.equal(changed.code, 0, changed.text);
    assert.match(changed.text, new RegExp(state));
  }
  const probed = await client("probe", "www", "count", "10", "interval", "10ms", "path", "/");
  assert.match(probed.text, /b[12]/, probed.text);
  const port = Number(/port: (\d+)/.exec(await Deno.readTextFile(`${folder}/maglev.yaml`))?.[1]);
  for (let i = 0; i < 10; i++) {
    using connection = await Deno.connect({ hostname: "127.0.2.10", port });
    const flow = `client=127.0.0.1&client_port=${connection.localAddr.port}`;
    const there = await get<Whereis>(`${api}/v1/frontends/www/whereis?${flow}`);
    await connection.write(
      new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    );
    assert.match(
      await new Response(connection.readable).text(),
      new RegExp(`x-backend: ${there.now?.backend}`),
    );
  }
  // Counters are read every 5 s.
  for (let first = 0; first <= 10;) {
    const { vips } = await get<LbCounters>(`${api}/v1/vpp/lb/counters`);
    first = vips.find((vip) => vip.frontend === "www")?.first ?? 0;
  }

  assert.equal((await get<Info>(`${api}/v1/info`)).state_dir, `${folder}/state`);
  assert.ok((await Deno.stat(`${folder}/state/state.json`)).isFile);

  await demo.say("vpp restart", /VPP runs anew/);
  const { code, output } = await demo.end(true);
  assert.equal(code, 0, output);
  assert.match(output, /stopping \.\.\.\n/);
  assert.deepEqual(await processesOf(folder), []);
  await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
});

Deno.test("Ctrl-C that reaches a part of the demo first is no accident", async () => {
  await using demo = new Demo(["--listen", freeAddress()]);
  await demo.next(/^Everything is up/);
  await demo.interruptPartsFirst();
  const { code, output } = await demo.end(false);
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /went away/);
});

Deno.test("the demo ends after --for, also where nobody can type", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", project("src/demo/main.ts"), "--listen", freeAddress(), "--for", "1s"],
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, text);
  assert.match(text, /Everything is up[^]*stopping/);
});

Deno.test("the demo says what is wrong when it cannot come up, and how it is used", async () => {
  const run = async (...args: string[]) => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", project("src/demo/main.ts"), ...args],
      stdin: "null",
    });
    const { code, stdout, stderr } = await command.output();
    return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  };
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const busy = await run("--listen", `127.0.0.1:${taken.addr.port}`);
  assert.equal(busy.code, 1);
  assert.match(busy.err, /in use.*--listen/);
  for (
    const [args, error] of [[["--for", "soon"], /--for soon[^]*usage:/], [
      ["--bogus"],
      /bogus[^]*usage:/,
    ]] as const
  ) {
    const wrong = await run(...args);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, error);
  }
  const help = await run("--help");
  assert.equal(help.code, 0);
  assert.match(help.out, /^usage: deno task demo/);
});

import assert from "node:assert/strict";
import { lines } from "../../src/lines.ts";
import { hostPrefix, ip } from "../../src/net/ip.ts";
import { messages as m } from "../../src/vpp/messages.ts";
import { RawClient, socketDirectory } from "./raw_client.ts";
import { addVip } from "./vip.ts";

const MAIN = new URL("../../src/simulator/main.ts", import.meta.url).pathname;

function run(...flags: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, ...flags],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The first line of a process, then everything else of its output is left to `output()` of the caller. */
async function firstLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}

Deno.test("as a process it says when it is ready, answers, and removes its sockets at the end", async () => {
  await using sockets = await socketDirectory();
  const child = run("--api", sockets.api, "--stats", sockets.stats, "--workers", "2");
  const ready = JSON.parse(await firstLine(child.stdout));
  assert.deepEqual(
    { ...ready, boottime: 0 },
    { ready: true, api: sockets.api, stats: sockets.stats, pid: child.pid, boottime: 0 },
  );
  using client = await RawClient.greet(sockets.api);
  assert.equal((await client.ask(m.control_ping, m.control_ping_reply, {})).body.vpe_pid, child.pid);
  const second = await run("--api", sockets.api).output();
  assert.equal(second.code, 1);
  assert.match(
    new TextDecoder().decode(second.stderr),
    /Cannot listen on .*api\.sock: another process listens there/,
  );
  child.kill("SIGTERM");
  assert.deepEqual((await child.status).code, 0);
  await child.stderr.cancel();
  assert.deepEqual(await Array.fromAsync(Deno.readDir(new URL(".", `file://${sockets.api}`))), []);
});

Deno.test("as a process it ends with 1 where a request would have ended VPP, and with 2 for wrong flags", async () => {
  await using sockets = await socketDirectory();
  const child = run("--api", sockets.api);
  await firstLine(child.stdout);
  using client = await RawClient.greet(sockets.api);
  await client.request(m.lb_add_del_vip_v2, { ...addVip, new_flows_table_length: 0 });
  assert.equal((await child.status).code, 1);
  assert.match(await firstLine(child.stderr), /VPP would have ended here/);
  for (const flags of [[], ["--api"], ["--api", "x", "--workers", "many"], ["--nonsense"]]) {
    assert.equal((await run(...flags).output()).code, 2, flags.join(" "));
  }
});

Deno.test("as a process it forwards real connections, and obeys words on its standard input", async () => {
  await using sockets = await socketDirectory();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, "--api", sockets.api, "--forward", "127.0.2.10:18081"]
      .concat("--until-stdin-closes"),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = lines(child.stdout);
  const next = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await output.next()).value ?? "null");
  const words = child.stdin.getWriter();
  const say = (word: string) => words.write(new TextEncoder().encode(`${word}\n`));
  assert.equal((await next()).ready, true);
  const server = "127.0.2.21";
  const vip = { pfx: hostPrefix(ip("127.0.2.10")), protocol: 6, port: 18081 };
  {
    using client = await RawClient.greet(sockets.api);
    const shape = { encap: 0, dscp: 0, type: 0, target_port: 0, node_port: 0, new_flows_table_length: 1024 };
    const add = { ...vip, ...shape, src_ip_sticky: false, is_del: false };
    assert.equal((await client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, add)).retval, 0);
    const as = { ...vip, as_address: ip(server), weight: 100, is_del: false, is_flush: false };
    assert.equal((await client.ask(m.lb_add_del_as_v2, m.lb_add_del_as_v2_reply, as)).retval, 0);
  }
  using listener = Deno.listen({ hostname: server, port: 18081 });
  using client = await Deno.connect({ hostname: "127.0.2.10", port: 18081 });
  using accepted = await listener.accept();
  await accepted.write(new TextEncoder().encode("x"));
  assert.equal(await client.read(new Uint8Array(1)), 1);
  await say("drift");
  assert.deepEqual(await next(), { did: "drift", server });
  await say("drift");
  assert.deepEqual(await next(), { did: "drift", server: null });
  await say("restart");
  assert.equal((await next()).did, "restart");
  await say("dance");
  assert.deepEqual(await next(), { error: 'unknown word "dance"' });
  client.close();
  await words.close();
  assert.deepEqual(await output.next(), { done: true, value: undefined });
  assert.equal((await child.status).code, 0);
});

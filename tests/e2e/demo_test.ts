import assert from "node:assert/strict";
import type { LbState } from "../../src/api.ts";
import { lines } from "../../src/lines.ts";
import { project } from "./harness.ts";

function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

/** Runs the demo; `visit` sees each line of its output as it comes. */
async function demo(
  args: string[],
  visit: (line: string) => void,
): Promise<{ code: number; errors: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", project("src/demo/main.ts"), ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  for await (const line of lines(child.stdout)) visit(line);
  return { code: (await child.status).code, errors: await errors };
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function weightOfB1(api: string): Promise<number | undefined> {
  const state = await (await fetch(`${api}/v1/vpp/lb/state?frontend=www`)).json() as LbState;
  return state.vips[0]?.application_servers.find((server) => server.backend === "b1")?.weight;
}

Deno.test("the demo comes up, shows a killed backend lose its weight, and leaves nothing behind", async () => {
  const listen = freeAddress();
  const api = `http://${listen}`;
  const pids: number[] = [];
  const seen: string[] = [];
  let folder = "";
  let story: Promise<number | undefined> | null = null;
  const killed = async (): Promise<number | undefined> => {
    Deno.kill(pids[2] ?? 0, "SIGKILL");
    for (;;) {
      const weight = await weightOfB1(api);
      if (weight === 0 || seen.at(-1) === "stopping ...") return weight;
    }
  };
  const { code, errors } = await demo(["--listen", listen, "--for", "6s"], (line) => {
    seen.push(line);
    const pid = /^ {2}.* pid (\d+) /.exec(line)?.[1];
    if (pid !== undefined) pids.push(Number(pid));
    folder ||= /(\/\S*maglev-demo-[^/]+)\//.exec(line)?.[1] ?? "";
    if (line.startsWith("Events follow")) story = killed();
  });
  const output = `${seen.join("\n")}\n${errors}`;
  assert.equal(await story, 0, output);
  assert.equal(code, 0, output);
  assert.match(output, /backend {3}b1 up → down/);
  assert.equal(pids.length, 5, output);
  assert.deepEqual(pids.filter(isAlive), []);
  assert.notEqual(folder, "");
  await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
});

Deno.test("the demo says what is wrong when it cannot come up", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const busy = await demo(["--listen", `127.0.0.1:${taken.addr.port}`], () => {});
  assert.equal(busy.code, 1);
  assert.match(busy.errors, /in use.*--listen/);
  const wrong = await demo(["--for", "soon"], () => {});
  assert.equal(wrong.code, 1);
  assert.match(wrong.errors, /--for soon.*\nusage:/);
});

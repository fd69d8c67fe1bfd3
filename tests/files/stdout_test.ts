import assert from "node:assert/strict";

Deno.test("lines to a pipe that nobody reads are lost and counted, and nobody waits", async () => {
  const LINES = 4000;
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("stdout_child.ts", import.meta.url).pathname, String(LINES)],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  // It gets there only if no write waits: some nine megabytes are logged, a pipe holds 64 KiB, and one MiB is kept.
  let done = "";
  for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
    done += piece;
    if (done.includes("done")) break;
  }
  assert.match(done, /done/, "the process was in the middle of a write when it was killed");
  let text = "";
  const read = (async () => {
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) text += piece;
  })();
  // What is in the pipe makes room for a line, and that tells of the others.
  const writer = child.stdin.getWriter();
  while (!text.includes('"lost"')) {
    await writer.write(new Uint8Array([10]));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await writer.close();
  clearTimeout(late);
  await read;
  assert.ok((await child.status).success);
  const lines = text.trimEnd().split("\n");
  let [whole, torn, lost] = [0, 0, 0];
  for (const line of lines) {
    try {
      const record = JSON.parse(line) as { line: number } | { lost: number };
      if ("lost" in record) lost += record.lost;
      else whole++;
    } catch {
      torn++;
    }
  }
  assert.ok(lost > LINES / 2, `${lost} lost`);
  assert.ok(torn <= 1, "a line of which a part is out is lost, too");
  assert.ok(whole + lost >= LINES);
});

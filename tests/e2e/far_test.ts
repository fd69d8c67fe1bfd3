import assert from "node:assert/strict";
import { project } from "./harness.ts";

const far = "192.0.2.77";

/** A shell line run in a network namespace of its own, which ends with it. */
function apart(line: string): Deno.Command {
  return new Deno.Command("unshare", {
    args: ["--net", "sh", "-c", `ip link set lo up && ip addr add ${far}/32 dev lo && ${line}`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Why no namespace can be made; null: one can. */
async function whyNot(): Promise<string | null> {
  try {
    const { success, stderr } = await apart("true").output();
    return success ? null : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no unshare";
    throw error;
  }
}

const reason = await whyNot();

Deno.test({
  name: `the local token is good over loopback only, seen by the sockets themselves${
    reason === null ? "" : ` [skipped: ${reason}]`
  }`,
  ignore: reason !== null,
  async fn() {
    const client = project("tests/e2e/far_client.ts");
    const { code, stdout, stderr } = await apart(`exec "${Deno.execPath()}" run -A "${client}" ${far}`)
      .output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const { statuses, peers, opened } = JSON.parse(new TextDecoder().decode(stdout));
    assert.deepEqual(statuses, {
      [`${far} GET /v1/backends`]: "200",
      [`${far} POST /v1/backends/b1/pause`]: "401",
      [`${far} POST /v1/backends/b1/pause Host: localhost`]: "401",
      [`${far} GET /metrics`]: "200",
      "127.0.0.1 POST /v1/backends/b1/pause": "401",
      "[::1] POST /v1/backends/b1/pause Host: [::1]": "401",
      [`${far} /v1/backends/b1/pause with the token`]: "401",
      "127.0.0.1 /v1/backends/b1/pause with the token": "200",
      "[::1] /v1/backends/b1/resume with the token": "200",
    });
    assert.deepEqual(opened, ["WARN [::]: --auth-file", "WARN [::]: --tls-cert"]);
    assert.deepEqual(peers, ["127.0.0.1", "[::1]"]);
  },
});

import assert from "node:assert/strict";
import type { ConfigCheck, ConfigReload, Problem } from "../../src/api/mod.ts";
import { Inside } from "./inside.ts";

const config = `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: 2001:db8::254 } }
  backends: { b1: { address: 127.0.0.1 } }
  frontends: { web: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;

/** Puts something else at the path of the configuration, by a program that takes it as its last argument. */
async function replace(path: string, program: string, ...args: string[]): Promise<void> {
  await Deno.remove(path);
  const { success } = await new Deno.Command(program, { args: [...args, path] }).output();
  assert.ok(success);
}

Deno.test("a configuration without end is refused by check and reload, and holds up no later reload", async () => {
  await using inside = await Inside.start({ config, vpp: null });
  const refused = async () => {
    const [check, reload] = await Promise.all([
      inside.send<ConfigCheck>("POST", "/v1/config/check"),
      inside.send<Problem>("POST", "/v1/config/reload", undefined, 422),
    ]);
    assert.deepEqual(reload.errors, check.errors);
    return check.parse_error.replace(inside.config, "f");
  };
  await replace(inside.config, "mkfifo");
  const late =
    "f:1:1: document: cannot read the file: it has no end: nothing, or not all of it, came within 5 s";
  assert.equal(await refused(), late);
  await replace(inside.config, "ln", "-s", "/dev/zero");
  assert.equal(await refused(), "f:1:1: document: cannot read the file: it is larger than 67108864 octets");
  await replace(inside.config, "mkdir");
  assert.equal(await refused(), "f:1:1: document: cannot read the file: it is a directory");
  await Deno.remove(inside.config);
  await Deno.writeTextFile(inside.config, config.replace("web:", "www:"));
  const reload = await inside.send<ConfigReload>("POST", "/v1/config/reload");
  assert.deepEqual(reload.changes.map(({ name, change }) => [name, change]), [["www", "added"], [
    "web",
    "removed",
  ]]);
});

Deno.test("a configuration that a pipe delivers in time is read as a file is", async () => {
  await using inside = await Inside.start({ config, vpp: null });
  await replace(inside.config, "mkfifo");
  const text = config.replace("web:", "piped:");
  const [reload] = await Promise.all([
    inside.send<ConfigReload>("POST", "/v1/config/reload"),
    Deno.writeTextFile(inside.config, text),
  ]);
  assert.equal(reload.ok, true);
  assert.deepEqual([...inside.daemon.control.frontends().map(({ name }) => name)], ["piped"]);
});

Deno.test("a posted text of wrong keys gets a thousand findings and no more", async () => {
  await using inside = await Inside.start({ config, vpp: null });
  const body = `maglev:\n${Array.from({ length: 40_000 }, (_, i) => `  wrong-key-${i}: 1\n`).join("")}`;
  const answer = await inside.ask("/v1/config/check", {
    method: "POST",
    headers: { "content-type": "application/yaml" },
    body,
  });
  const text = await answer.text();
  const { errors }: ConfigCheck = JSON.parse(text);
  assert.equal(errors.length, 1000);
  assert.ok(text.length < 700_000, `${text.length} octets`);
});

import assert from "node:assert/strict";
import { claimDefault, LocalToken } from "../../src/daemon/local_token.ts";

const random = (octets: Uint8Array<ArrayBuffer>) => void crypto.getRandomValues(octets);

function taken(file: string): LocalToken {
  const claimed = LocalToken.claim(file, random);
  assert.ok(claimed.ok, JSON.stringify(claimed));
  return claimed.value;
}

async function inFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const mode = (path: string) => ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);

Deno.test("the token: alone in its file, 0640, with who and where beside it, gone at the end", async () => {
  await inFolder((folder) => {
    const file = `${folder}/token`;
    const before = Deno.umask(0o077);
    try {
      {
        using token = taken(file);
        assert.match(token.token, /^[A-Za-z0-9_-]{43}$/);
        assert.deepEqual(names(folder), ["token.json"], "no token before the listeners are open");
        assert.deepEqual(JSON.parse(Deno.readTextFileSync(`${file}.json`)), { pid: Deno.pid, listen: [] });
        assert.deepEqual(token.publish(["127.0.0.1:9090"]), { ok: true, value: undefined });
        assert.deepEqual(names(folder), ["token", "token.json"]);
        assert.equal(Deno.readTextFileSync(file), `${token.token}\n`);
        assert.deepEqual(JSON.parse(Deno.readTextFileSync(`${file}.json`)), {
          pid: Deno.pid,
          listen: ["127.0.0.1:9090"],
        });
        assert.deepEqual([mode(file), mode(`${file}.json`)], ["640", "640"]);
      }
      assert.deepEqual(names(folder), []);
      using first = taken(file);
      const text = first.token;
      first[Symbol.dispose]();
      using second = taken(file);
      assert.notEqual(second.token, text, "fresh at every start");
    } finally {
      Deno.umask(before);
    }
  });
});

Deno.test("a living daemon keeps its path, a dead one's is taken over", async () => {
  await inFolder((folder) => {
    const file = `${folder}/token`;
    using held = taken(file);
    held.publish([]);
    assert.deepEqual(LocalToken.claim(file, random), {
      ok: false,
      error: { reason: "held", detail: `process ${Deno.pid} holds it` },
    });
    assert.equal(Deno.readTextFileSync(file), `${held.token}\n`);
    held[Symbol.dispose]();
    // What a daemon that was killed leaves behind; its process id may belong to another process by now.
    Deno.writeTextFileSync(file, `${"old".repeat(14)}\n`);
    Deno.writeTextFileSync(`${file}.json`, `{"pid":${Deno.pid},"listen":["127.0.0.1:1"]}`);
    using heir = taken(file);
    assert.throws(() => Deno.readTextFileSync(file), Deno.errors.NotFound, "the old token is gone at once");
    assert.deepEqual(JSON.parse(Deno.readTextFileSync(`${file}.json`)).listen, [], "and the old addresses");
    heir.publish([]);
    assert.equal(Deno.readTextFileSync(file), `${heir.token}\n`);
  });
});

Deno.test("what is not this daemon's own is not removed, and a folder that is gone is no failure", async () => {
  await inFolder((folder) => {
    const file = `${folder}/token`;
    {
      using token = taken(file);
      token.publish([]);
      Deno.removeSync(`${file}.json`);
      Deno.writeTextFileSync(`${file}.json`, "another's");
    }
    assert.equal(Deno.readTextFileSync(`${file}.json`), "another's");
    Deno.mkdirSync(`${folder}/gone`);
    using token = taken(`${folder}/gone/token`);
    Deno.removeSync(`${folder}/gone`, { recursive: true });
    assert.equal(token.publish([]).ok, false);
  });
});

Deno.test("a path that holds something else is refused, and nothing is deleted", async () => {
  await inFolder((folder) => {
    const file = `${folder}/auth.yaml`;
    const refused = (detail: string) =>
      assert.deepEqual(LocalToken.claim(file, random), { ok: false, error: { reason: "unusable", detail } });
    for (const text of ["", "tokens:\n  - { name: a }\n", "x".repeat(100_000)]) {
      Deno.writeTextFileSync(file, text);
      refused(`${file} holds something else, which is not deleted`);
      assert.deepEqual([names(folder), Deno.readTextFileSync(file)], [["auth.yaml"], text]);
    }
    Deno.removeSync(file);
    Deno.writeTextFileSync(`${file}.json`, '{"mine":1}');
    refused(`${file}.json holds something else, which is not deleted`);
    assert.equal(Deno.readTextFileSync(`${file}.json`), '{"mine":1}');
    Deno.removeSync(`${file}.json`);
    Deno.mkdirSync(file);
    refused(`${file} is no regular file`);
    Deno.removeSync(file);
    Deno.writeTextFileSync(`${file}.json`, "");
    using token = taken(file);
    assert.equal(
      token.publish([]).ok,
      true,
      "an empty one was left by a daemon that was killed at its start",
    );
  });
});

Deno.test("symbolic links at the path are replaced and not followed", async () => {
  await inFolder((folder) => {
    const file = `${folder}/token`;
    Deno.writeTextFileSync(`${folder}/precious`, "precious");
    Deno.symlinkSync(`${folder}/precious`, file);
    using token = taken(file);
    token.publish([]);
    assert.equal(Deno.readTextFileSync(`${folder}/precious`), "precious");
    assert.ok(Deno.lstatSync(file).isFile);
    token[Symbol.dispose]();
    Deno.symlinkSync(`${folder}/precious`, `${file}.json`);
    const refused = LocalToken.claim(file, random);
    assert.ok(!refused.ok && refused.error.reason === "unusable");
    assert.equal(Deno.readTextFileSync(`${folder}/precious`), "precious");
  });
});

Deno.test("the default: the first place that can be used, none where a living daemon has it", async () => {
  await inFolder((folder) => {
    const first = `${folder}/first/maglev/token`;
    const second = `${folder}/second/maglev/token`;
    Deno.mkdirSync(`${folder}/second`);
    const fallback = claimDefault([first, second], random);
    assert.equal(fallback.token?.file, second, "the folder is made, its parent is not");
    assert.equal(mode(`${folder}/second/maglev`), "755");
    using _fallback = fallback.token;
    assert.deepEqual(claimDefault([second, `${folder}/token`], random), {
      token: null,
      why: `${second}: process ${Deno.pid} holds it`,
    });
    const none = claimDefault([first], random);
    assert.deepEqual(none, { token: null, why: `${first}: its folder does not exist` });
    Deno.mkdirSync(`${folder}/first`);
    const best = claimDefault([first, second], random);
    assert.equal(best.token?.file, first);
    best.token?.[Symbol.dispose]();
  });
});

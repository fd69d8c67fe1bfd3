/** The commands of docs/fleet.md set up a store that a daemon's client may use, and no more. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { Etcd } from "../../src/fleet/etcd.ts";
import { StoreError } from "../../src/fleet/store.ts";
import { etcdLack, Member } from "../fleet/cluster.ts";
import { optionalTool } from "../tool.ts";
import { documents } from "./documents.ts";
import { parts } from "./markdown.ts";

const client = optionalTool("etcdctl");
const lack = etcdLack ?? (client.missing ? "etcdctl is not installed (Debian: etcd-client)" : null);

Deno.test({
  name: lack === null
    ? "the store of docs/fleet.md comes up, and its user may do what maglevd needs and nothing else"
    : `the store of docs/fleet.md comes up (skipped: ${lack})`,
  ignore: lack !== null,
  async fn() {
    const text = (await documents()).get("docs/fleet.md") ?? "";
    const [setUp, rights] = parts(text).blocks.filter(({ info }) => info === "sh").map((block) =>
      // Addresses of this test in the place of the example's.
      block.text.replaceAll("192.0.2.", "127.79.2.")
    );
    assert.ok(setUp !== undefined && rights !== undefined);
    assert.ok(
      setUp.trim().split("\n").length <= 13,
      "ten lines of settings, and what installs and starts it",
    );
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "etcd-docs-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const members = ["lb1", "lb2", "lb3"].map((name, i) => {
      const settings = `${folder}/${name}.env`;
      const script = setUp.replace("NAME=lb1 IP=127.79.2.20", `NAME=${name} IP=127.79.2.${20 + i}`)
        .replace("/etc/default/etcd", settings)
        .split("\n").filter((line) => !/^(apt-get|systemctl) /.test(line)).join("\n");
      const made = new Deno.Command("sh", { args: ["-ec", script] }).outputSync();
      assert.ok(made.success, new TextDecoder().decode(made.stderr));
      const args = ["--data-dir", `${folder}/${name}`, "--logger", "zap"];
      const url = `http://127.79.2.${20 + i}:2379`;
      const member = new Member(url, args, `${folder}/${name}.log`, `set -a; . ${settings};`);
      stack.defer(() => member.kill());
      member.start();
      return member;
    });
    const endpoints = members.map(({ url }) => url);
    const connect = (user: { name: string; password: string } | null) =>
      stack.use(new Etcd({ endpoints, tls: null, user, deadlineMs: 4_000, clock: systemClock }));
    const anybody = connect(null);
    for (let tries = 0;; tries++) {
      try {
        await anybody.put("/ready", "");
        break;
      } catch (error) {
        if (!(error instanceof StoreError) || tries === 100) throw error;
        // Nothing tells when a member has joined: asking is the only way.
        await systemClock.sleep(100);
      }
    }
    const granted = await new Deno.Command("sh", { args: ["-ec", rights] }).output();
    assert.ok(granted.success, new TextDecoder().decode(granted.stderr));
    const maglev = connect({ name: "maglev", password: "secret" });
    const lease = await maglev.grantLease(15);
    await maglev.put("/maglev/ams/node/lb1", "{}", lease);
    assert.equal(await maglev.keepLease(lease), true);
    assert.equal((await maglev.list("/maglev/ams/")).rows.length, 1);
    await maglev.revokeLease(lease);
    await assert.rejects(
      maglev.put("/other", ""),
      (error) => error instanceof StoreError && error.failure === "denied",
    );
    await assert.rejects(anybody.list("/maglev/ams/"), StoreError);
  },
});

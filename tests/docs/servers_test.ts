import assert from "node:assert/strict";
import { Namespace } from "../probes/namespaces.ts";
import { noNamespaces, noNft, testWith } from "../probes/needs.ts";
import { documents } from "./documents.ts";
import { parts } from "./markdown.ts";

const page = (await documents()).get("docs/servers.md") ?? "";

/** Blocks of the page with these words behind the backticks. */
function blocks(info: string): string[] {
  return parts(page).blocks.filter((block) => block.info === info).map(({ text }) => text);
}

const VIP = "198.51.100.10";
const SERVER = "192.0.2.11";

/** Runs a script in a namespace; throws with what it said. */
async function sh(inside: Namespace, script: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("ip", {
    args: ["netns", "exec", inside.name, "sh", "-ec", script],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`${script}\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Whether this kernel has GRE; the machine that runs the tests may lack the modules. */
async function hasGre(inside: Namespace): Promise<boolean> {
  return await sh(inside, `ip link add trial type gre local ${SERVER} && ip link del trial`).then(
    () => true,
    () => false,
  );
}

/** A client, a router that stands for VPP and speaks GRE if the kernel does, and a server as the page sets it up. */
class Site implements Disposable {
  readonly client = new Namespace();
  readonly router = new Namespace();
  readonly server = new Namespace();
  gre = false;

  async setUp(): Promise<void> {
    const { client, router, server } = this;
    router.ip("link", "add", "out", "type", "veth", "peer", "name", "eth0", "netns", client.name);
    router.ip("link", "add", "in", "type", "veth", "peer", "name", "eth0", "netns", server.name);
    for (
      const [side, device, address] of [
        [client, "eth0", "203.0.113.7/24"],
        [router, "out", "203.0.113.1/24"],
        [router, "in", "192.0.2.254/24"],
        [server, "eth0", `${SERVER}/24`],
      ] as const
    ) {
      side.ip("address", "add", address, "dev", device);
      side.ip("link", "set", device, "up");
    }
    server.ip("-6", "address", "add", "2001:db8:2::11/64", "dev", "eth0", "nodad");
    client.ip("route", "add", "default", "via", "203.0.113.1");
    server.ip("route", "add", "default", "via", "192.0.2.254");
    router.sysctl("net.ipv4.ip_forward", "1");
    // What the page says must hold on a server that is strict.
    server.sysctl("net.ipv4.conf.all.rp_filter", "1");
    this.gre = await hasGre(server);
    for (const block of blocks("sh server")) {
      // Without GRE the rest is tried on a device of the same name.
      await sh(server, this.gre ? block : block.replace(/ type (?:ip6)?gre .*/g, " type veth"));
    }
    if (this.gre) {
      router.ip("link", "add", "tunnel", "type", "gre", "local", "192.0.2.254", "remote", SERVER);
      router.ip("link", "set", "tunnel", "up");
      router.ip("route", "add", `${VIP}/32`, "dev", "tunnel");
    } else {
      router.ip("route", "add", `${VIP}/32`, "via", SERVER);
    }
  }

  [Symbol.dispose](): void {
    for (const one of [this.client, this.router, this.server]) one[Symbol.dispose]();
  }
}

const program = (script: string, ...args: string[]) => ["eval", "--no-check", script, ...args];

testWith(
  [noNamespaces, noNft],
  "servers.md: a server set up by the page answers a client, in segments that fit",
  async (t) => {
    using site = new Site();
    await site.setUp();
    const { client, server } = site;
    for (const block of blocks("text nft")) {
      await sh(server, `nft -f - <<'EOF'\n${block}\nEOF`);
    }
    await t.step("the settings are those that the page names", async () => {
      assert.equal(await sh(server, "cat /proc/sys/net/ipv4/conf/maglev4/rp_filter"), "2\n");
      assert.match(await sh(server, `ip route get ${VIP}`), /^local 198\.51\.100\.10 dev lo /);
      assert.match(await sh(server, "nstat -az TcpExtIPReversePathFilter"), /TcpExtIPReversePathFilter +0 /);
    });
    const listen = `const l = Deno.listen({ hostname: "${VIP}", port: 80 }); console.log("up");` +
      "for await (const c of l) c.write(new TextEncoder().encode('hello')).then(() => c.close());";
    const deno = (inside: Namespace, args: string[]) =>
      new Deno.Command("ip", {
        args: ["netns", "exec", inside.name, Deno.execPath(), ...args],
        stdin: "null",
        stdout: "piped",
        stderr: "inherit",
      });
    await using service = deno(server, program(listen)).spawn();
    const up = service.stdout.getReader();
    assert.match(new TextDecoder().decode((await up.read()).value), /up/);
    await t.step(
      `a client gets an answer${site.gre ? "" : " (skipped through GRE: this kernel has none)"}`,
      async () => {
        const ask = `const c = await Deno.connect({ hostname: "${VIP}", port: 80 });` +
          'const ss = await new Deno.Command("ss", { args: ["-tin", "dst", "' + VIP + '"] }).output();' +
          "const b = new Uint8Array(9); const n = await c.read(b);" +
          "console.log(new TextDecoder().decode(b.subarray(0, n)), new TextDecoder().decode(ss.stdout)); c.close();";
        const { stdout } = await deno(client, program(ask)).output();
        const said = new TextDecoder().decode(stdout);
        assert.match(said, /^hello /);
        // 12 octets of each segment are TCP's time stamps.
        assert.match(said, /\bmss:1424\b/);
      },
    );
    await up.cancel();
  },
);

Deno.test("servers.md: the figures for the size of segments add up", () => {
  const sizes = { gre4: 24, gre6: 44, v4: 40, v6: 60 };
  assert.ok(page.includes(`maxseg size set ${1500 - sizes.gre4 - sizes.v4}`));
  assert.ok(page.includes(`maxseg size set ${1500 - sizes.gre6 - sizes.v6}`));
  const mixed = [1500 - sizes.gre6 - sizes.v4, 1500 - sizes.gre4 - sizes.v6];
  assert.deepEqual(mixed, [1416, 1416]);
  assert.ok(page.replace(/\s+/g, " ").includes("an IPv4 VIP has 1416, over GRE4 an IPv6 VIP has 1416"));
});

import assert from "node:assert/strict";
import { parseLbText, vipId, type VipText } from "../../src/vpp/lbtext.ts";
import { decodedReply } from "./recordings.ts";

function recorded(label: string): string {
  return (decodedReply(label) as { reply: string }).reply;
}

const text = recorded("cli show lb vips verbose");
const id = (prefix: string, protocol: number, port: number) => vipId({ prefix, protocol, port });
const row = (index: number, tableLength: number, servers: number, srcIpSticky = false): VipText => ({
  index,
  srcIpSticky,
  tableLength,
  servers,
});

Deno.test("text: the recorded text of every encapsulation is read whole", () => {
  const { vips, unknownLines } = parseLbText(text);
  assert.deepEqual(unknownLines, []);
  assert.deepEqual([...vips], [
    [id("198.51.100.1/32", 6, 80), row(1, 1024, 4)],
    [id("198.51.100.1/32", 6, 443), row(2, 1024, 0)],
    [id("198.51.100.2/32", 17, 53), row(3, 256, 1)],
    [id("2001:db8:1::1/128", 6, 443), row(4, 1024, 2)],
    [id("2001:db8:1::2/128", 17, 443), row(5, 1024, 0, true)],
    [id("198.51.100.3/32", 255, 0), row(6, 1024, 1)],
    [id("203.0.113.0/28", 255, 0), row(7, 1024, 0)],
    [id("198.51.100.4/32", 255, 0), row(8, 1024, 0)],
    // A NAT VIP has a second, swapped port on a line of its own.
    [id("198.51.100.5/32", 6, 8080), row(9, 1024, 1)],
    [id("2001:db8:1::5/128", 6, 8080), row(10, 1024, 0)],
    [id("198.51.100.6/32", 6, 80), row(11, 65536, 1)],
  ]);
});

Deno.test("text: a removed VIP is left out, its successor has the new index", () => {
  const { vips, unknownLines } = parseLbText(recorded("cli show lb vips verbose, with a removed vip"));
  assert.deepEqual(unknownLines, []);
  assert.equal(vips.size, 11);
  assert.deepEqual(vips.get(id("198.51.100.6/32", 6, 80)), row(12, 1024, 0));
});

const changes: { what: string; from: string; to: string; lost: string }[] = [
  {
    what: "a head with a word more",
    from: " ip4-gre4 [1] 198.51.100.1/32",
    to: " ip4-gre4 [1] 198.51.100.1/32 paused",
    lost: id("198.51.100.1/32", 6, 80),
  },
  {
    what: "a head of another encapsulation",
    from: " ip4-gre6 [3] ",
    to: " ip4-vxlan [3] ",
    lost: id("198.51.100.2/32", 17, 53),
  },
  {
    what: "a head with a prefix that is none",
    from: " [7] 203.0.113.0/28",
    to: " [7] 203.0.113.0/33",
    lost: id("203.0.113.0/28", 255, 0),
  },
  {
    what: "a service line with a word more",
    from: "  protocol:17 port:53",
    to: "  protocol:17 port:53 vrf:1",
    lost: id("198.51.100.2/32", 17, 53),
  },
  {
    what: "a line that no release had",
    from: "  dscp:7",
    to: "  dscp:7\n  ecn:1",
    lost: id("198.51.100.4/32", 255, 0),
  },
  {
    what: "a server line with another end",
    from: "dpo:23 used",
    to: "dpo:23 draining",
    lost: id("2001:db8:1::1/128", 6, 443),
  },
  {
    what: "a second table length",
    from: "  new_size:256",
    to: "  new_size:256\n  new_size:512",
    lost: id("198.51.100.2/32", 17, 53),
  },
];

for (const { what, from, to, lost } of changes) {
  Deno.test(`text: ${what} costs its own VIP only, and is named`, () => {
    assert.ok(text.includes(from));
    const { vips, unknownLines } = parseLbText(text.replace(from, to));
    assert.equal(unknownLines.length, 1);
    assert.ok(to.includes(unknownLines[0]?.trim() ?? "?") || unknownLines[0]?.includes(to.trim()));
    const whole = parseLbText(text).vips;
    assert.equal(vips.has(lost), false);
    assert.deepEqual([...vips], [...whole].filter(([key]) => key !== lost));
  });
}

Deno.test("text: nothing at all, and text cut anywhere, read as what is left", () => {
  assert.deepEqual([...parseLbText("").vips], []);
  const whole = parseLbText(text).vips;
  for (let length = 0; length < text.length; length += 7) {
    for (const [key, vip] of parseLbText(text.slice(0, length)).vips) {
      assert.equal(vip.index, whole.get(key)?.index);
    }
  }
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { portsBeside, unusedPort } from "../../src/demo/port.ts";
import { holdPort } from "../../src/demo/site.ts";

Deno.test("two demos at once have two ports, and the example's own is free again after the first", () => {
  let first: number;
  {
    using one = holdPort();
    using two = holdPort();
    first = one.port;
    assert.notEqual(one.port, two.port);
    // The servers of the demo listen while the port is held.
    using _server = Deno.listen({ hostname: "127.0.0.11", port: one.port });
  }
  using again = holdPort();
  assert.equal(again.port, first);
});

Deno.test("a port for a program is none that a connection may have first, and is given once", async () => {
  const range = await Deno.readTextFile("/proc/sys/net/ipv4/ip_local_port_range");
  const [low = 0, high = 0] = range.trim().split(/\s+/).map(Number);
  const [first, count] = portsBeside(low, high);
  const ports = Array.from({ length: 300 }, () => unusedPort());
  for (const port of ports) assert.ok(port >= first && port < first + count, `${port}`);
  assert.equal(new Set(ports).size, ports.length);
});

Deno.test("ports are chosen beside the kernel's where that leaves a thousand, and never outside of what is a port", () => {
  const bound = fc.integer({ min: 1, max: 65_535 });
  fc.assert(fc.property(bound, bound, (one, other) => {
    const [low, high] = one < other ? [one, other] : [other, one];
    const [first, count] = portsBeside(low, high);
    const last = first + count - 1;
    assert.ok(first >= 1024 && last <= 65_535 && count >= 1000);
    if (low >= 11_000 || high <= 64_535) assert.ok(last < low || first > high, `${low} ${high}`);
  }));
});

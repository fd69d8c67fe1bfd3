import assert from "node:assert/strict";
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

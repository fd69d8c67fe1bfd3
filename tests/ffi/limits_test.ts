import assert from "node:assert/strict";
import { descriptorLimit } from "../../ffi/limits.ts";

Deno.test("descriptorLimit() is what the kernel says of this process", () => {
  const line = /Max open files\s+(\S+)/.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
  assert.equal(descriptorLimit(), line === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(line));
});

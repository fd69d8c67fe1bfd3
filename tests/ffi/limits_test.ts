import assert from "node:assert/strict";
import { descriptorLimit, openDescriptors } from "../../ffi/limits.ts";

Deno.test("descriptorLimit() is what the kernel says of this process", () => {
  const line = /Max open files\s+(\S+)/.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
  assert.equal(descriptorLimit(), line === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(line));
});

Deno.test("openDescriptors() sees a descriptor come and go", () => {
  const before = openDescriptors();
  {
    using _file = Deno.openSync(new URL(import.meta.url));
    assert.equal(openDescriptors(), before + 1);
  }
  assert.equal(openDescriptors(), before);
  assert.ok(before < descriptorLimit());
});

Deno.test("openDescriptors() counts more than one read of the folder holds", () => {
  const before = openDescriptors();
  const files = Array.from({ length: 900 }, () => Deno.openSync(new URL(import.meta.url)));
  try {
    assert.equal(openDescriptors(), before + 900);
  } finally {
    for (const file of files) file.close();
  }
});

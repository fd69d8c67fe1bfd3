/** How much memory a process has of the C library, for tests of what OpenSSL keeps. */
import v8 from "node:v8";
import vm from "node:vm";

/** Collects garbage: JavaScript's buffers are of the C library, too. */
export const collect: () => void = (() => {
  v8.setFlagsFromString("--expose_gc");
  return vm.runInNewContext("gc") as () => void;
})();

/** Memory that the C library has handed out and not got back, in octets: OpenSSL's, and what else uses malloc. */
export function handedOut(): number {
  const library = Deno.dlopen("libc.so.6", {
    mallinfo2: { parameters: [], result: { struct: Array.from({ length: 10 }, () => "usize" as const) } },
  });
  try {
    const { buffer, byteOffset } = library.symbols.mallinfo2();
    // `uordblks` is the eighth of ten numbers.
    return Number(new DataView(buffer).getBigUint64(byteOffset + 7 * 8, true));
  } finally {
    library.close();
  }
}

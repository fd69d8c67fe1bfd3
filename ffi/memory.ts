// Not every C library has it, so it is no part of the table of libc.ts.
const { malloc_trim: trim } = Deno.dlopen("libc.so.6", {
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
}).symbols;

/**
 * Gives memory that the C library holds but nobody uses back to the kernel. What a start or the reading of a
 * configuration took for a moment stays with the process otherwise. Takes some milliseconds.
 */
export function giveBackMemory(): void {
  trim?.(0n);
}

import { PIPE_PIECE, writableNow } from "../../ffi/file.ts";

const STDOUT = 1;

/**
 * Writes to standard output without waiting for whoever reads it: nobody may, or a terminal may be stopped. A write
 * of 20,000 octets blocks although the pipe had just been ready, so it goes in pieces, and each is asked for.
 *
 * @returns the number of octets that were taken; 0: none can be taken now
 * @throws Error when writing fails
 */
export function writeStdout(octets: Uint8Array): number {
  if (!writableNow(STDOUT)) return 0;
  return Deno.stdout.writeSync(octets.subarray(0, PIPE_PIECE));
}

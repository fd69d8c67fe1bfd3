/** A daemon with one backend, and where it listens. */
import type { TestDaemon } from "./harness.ts";
import { lbSettings } from "./world.ts";

/** One backend that is always up. */
export const config = `maglev:
${lbSettings}
  healthchecks: {}
  backends: { b1: { address: 127.0.0.1 } }
  frontends: { www: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;

export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Addresses that were listened on, in the order of the flags. */
export function addresses(daemon: TestDaemon): string[] {
  return daemon.log.filter((line) => line.msg === "listening").map((line) => String(line.address));
}

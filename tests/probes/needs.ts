import { openEcho } from "../../ffi/icmp.ts";
import { isInstalled } from "../tool.ts";

/** What a test needs beside Deno; null if it is there, else the reason to skip, for the test's name. */
function program(name: string): string | null {
  return isInstalled(name) ? null : `no ${name} installed`;
}

/** Skips without openssl. */
export const noOpenssl: string | null = program("openssl");
/** Skips without nginx. */
export const noNginx: string | null = program("nginx");
const isEmulated = Deno.env.get("MAGLEV_TEST_EMULATED") === "1";
/** Skips what starts another Deno, where this one runs in an emulator and the kernel cannot start it. */
export const noChildren: string | null = isEmulated ? "the emulated Deno cannot be started as a child" : null;
/** Skips what an emulator takes minutes for, and what is the same on every architecture. */
export const notEmulated: string | null = isEmulated ? "too slow in an emulator" : null;
/** Skips without nftables. */
export const noNft: string | null = program("nft");
/** Skips without conntrack. */
export const noConntrack: string | null = program("conntrack");
/** Skips without HAProxy. */
export const noHaproxy: string | null = program("haproxy");
/** Skips without root or iproute2. */
export const noNamespaces: string | null = Deno.uid() === 0 ? program("ip") : "not root";

/** Skips without the right to a raw socket. */
export const noRawSockets: string | null = rawSockets();

function rawSockets(): string | null {
  try {
    using _fd = openEcho(4, "raw", null);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Skips where no child may be started without some rights. */
export const noSetpriv: string | null = (() => {
  if (Deno.uid() !== 0) return "not root";
  try {
    const { success } = new Deno.Command("setpriv", {
      args: ["--bounding-set=-net_raw,-sys_admin", "true"],
      stderr: "null",
    }).outputSync();
    return success ? null : "setpriv may not drop rights";
  } catch {
    return "no setpriv installed";
  }
})();

/** Defines a test that is skipped, with the reason in its name, when one of the needs is not met. */
export function testWith(
  needs: readonly (string | null)[],
  name: string,
  fn: (t: Deno.TestContext) => Promise<void> | void,
): void {
  const missing = needs.filter((reason) => reason !== null);
  const skipped = missing.length > 0 ? ` (skipped: ${missing.join(", ")})` : "";
  Deno.test({ name: `${name}${skipped}`, ignore: missing.length > 0, fn });
}

/** Runs a program to its end. Throws with what it said if it fails. */
export function run(name: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(name, { args }).outputSync();
  if (!success) throw new Error(`${name} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

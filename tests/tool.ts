/** Programs that some tests need and not every machine has. */

/** Whether a program is there. */
export interface Tool {
  /** True: tests that need it are skipped. */
  readonly missing: boolean;
  /** Reason of the skip, for the test's name. */
  readonly suffix: string;
}

/**
 * Whether a program is on the PATH. It is not started for that: in an emulator, the child of a process with threads may
 * wait for ever for a lock of the emulator's that nobody holds any more, so the fewer children the better.
 */
export function isInstalled(name: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      const { isFile, mode } = Deno.statSync(`${folder}/${name}`);
      return isFile && ((mode ?? 0) & 0o111) !== 0;
    } catch {
      return false;
    }
  });
}

/** Looks for a program that some tests need. */
export function optionalTool(name: string): Tool {
  return isInstalled(name)
    ? { missing: false, suffix: "" }
    : { missing: true, suffix: ` (skipped: ${name} is not installed)` };
}

/** Programs that some tests need and not every machine has. */

/** Whether a program is there. */
export interface Tool {
  /** True: tests that need it are skipped. */
  readonly missing: boolean;
  /** Reason of the skip, for the test's name. */
  readonly suffix: string;
}

/** Looks for a program by running `<name> --version`. */
export async function optionalTool(name: string): Promise<Tool> {
  try {
    await new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" }).output();
    return { missing: false, suffix: "" };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { missing: true, suffix: ` (skipped: ${name} is not installed)` };
  }
}

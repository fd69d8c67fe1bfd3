/**
 * `deno task dashboard-build`: bundles `src/dashboard/` into the files that the daemon serves. They are committed, and a
 * test compares them, so that a daemon can be started from a checkout without a bundler.
 *
 * @module
 */

const root = new URL("../../", import.meta.url);

/** Paths of the generated files from the project's root. */
export const dashboardFiles = {
  script: "src/dashboard/generated/dashboard.js.txt",
  style: "src/dashboard/generated/dashboard.css.txt",
} as const;

/** Makes the script and the style sheet. Throws with the bundler's own words when it fails. */
export async function buildDashboard(): Promise<{ readonly script: string; readonly style: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const output = `${folder}/dashboard.js`;
    const { stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        "--quiet",
        "--platform",
        "browser",
        "--minify",
        "--output",
        output,
        "src/dashboard/main.tsx",
      ],
      cwd: root,
      stdout: "null",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) throw new Error(`deno bundle failed: ${new TextDecoder().decode(stderr)}`);
    const style = await Deno.readTextFile(new URL("src/dashboard/style.css", root));
    return { script: await Deno.readTextFile(output), style };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const { script, style } = await buildDashboard();
  await Deno.mkdir(new URL("src/dashboard/generated/", root), { recursive: true });
  await Deno.writeTextFile(new URL(dashboardFiles.script, root), script);
  await Deno.writeTextFile(new URL(dashboardFiles.style, root), style);
}

import assert from "node:assert/strict";
import { buildDashboard, dashboardFiles } from "../../src/tasks/dashboard_build.ts";

Deno.test("the dashboard's generated files are what its sources make (deno task dashboard-build)", async () => {
  const made = await buildDashboard();
  const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
  assert.ok(made.script === await read(dashboardFiles.script), "the script is old");
  assert.ok(made.style === await read(dashboardFiles.style), "the style sheet is old");
  assert.doesNotMatch(
    made.script,
    /\beval\(|new Function\(|https?:\/\/(?!www\.w3\.org)/,
    "nothing of elsewhere",
  );
});

Deno.test("the page is at most 120 kB compressed", async () => {
  const made = await buildDashboard();
  const whole = new Blob([made.script, made.style]).stream().pipeThrough(new CompressionStream("gzip"));
  const { byteLength } = await new Response(whole).arrayBuffer();
  assert.ok(byteLength <= 120_000, `${byteLength}`);
});

import assert from "node:assert/strict";
import { terminalSvg } from "../../src/tasks/terminal_svg.ts";

Deno.test("text of a terminal becomes a picture: colours, weights, and nothing of it as markup", () => {
  const esc = "\u001b";
  const svg = terminalSvg([`a ${esc}[1;31mdown${esc}[0m <b>&`, `${esc}[2K${esc}[32mup${esc}[39m`], 20, "t<t");
  assert.match(svg, /a <tspan fill="#ff7b72" font-weight="bold">down<\/tspan> &#60;b&#62;&#38;/);
  assert.match(svg, /<tspan fill="#5fd08d">up<\/tspan>/);
  assert.match(svg, /<title>t&#60;t<\/title>/);
  assert.ok(!svg.includes(esc) && !svg.includes("2K"));
});

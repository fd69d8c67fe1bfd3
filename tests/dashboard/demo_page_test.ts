/** The dashboard of the demo in a real browser. */
import assert from "node:assert/strict";
import { Demo, freeAddress } from "../e2e/demo.ts";
import { browserTest, DashboardPage } from "./browser.ts";
import { seen, watch } from "./in_page.js";

browserTest("the demo's page shows a dead backend within 1 s of the daemon, and no error", async () => {
  const listen = freeAddress();
  const api = `http://${listen}`;
  await using demo = new Demo(["--listen", listen]);
  await demo.next(/^Everything is up/);
  await using page = await DashboardPage.open(api, { expected: /status of (404|422)/ });
  await page.shows(".connection.live");
  await page.shows("#row-b1 .state.up");
  await page.shows("#frontends .card.up", "www");

  await page.page.evaluate(watch, {
    row: ["#row-b1", "down"],
    frontend: ["#frontends .card tr", "b1.*down"],
    event: ["#events li", "b1.*up → down"],
  });
  await demo.say("kill b1", /b1 is dead/);
  await demo.next(/backend {3}b1 up → down/);
  await page.shows("#row-b1 .state.down");
  await page.shows("#events li", /b1.*up → down/);
  const { transitions } = await (await fetch(`${api}/v1/backends/b1`)).json();
  const at = Date.parse(transitions[0].at);
  const shown = await page.page.evaluate(seen);
  for (const [what, when] of Object.entries(shown)) {
    assert.ok(when - at < 1_000, `${what} was shown ${when - at} ms after the transition`);
  }
  assert.deepEqual(Object.keys(shown).sort(), ["event", "frontend", "row"]);
});

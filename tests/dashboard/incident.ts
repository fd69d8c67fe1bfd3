/**
 * A backend of the demo is killed, and the page tells of it: what it shows when, after the daemon's own time.
 *
 * @module
 */
import type { Demo } from "../e2e/demo.ts";
import type { DashboardPage } from "./browser.ts";
import { watch } from "./in_page.js";

/** What the page shows of the end of b1, as selector and text. */
const shown = {
  row: ["#row-b1", "down"],
  frontend: ["#frontends .card tr", "b1.*down"],
  problem: ["#problems li", "b1 is down"],
  event: ["#events li", "b1.*up → down"],
  // By VPP's own buckets: the other server of the pool has them all.
  share: ["#frontends .card tr.up .share .num", "^100\\.0 %$"],
};

/** What of it was shown so long after the daemon's own transition, in ms. */
export type Delays = Readonly<Record<keyof typeof shown, number>>;

/** Kills b1 and waits until the page shows all of it. */
export async function killOne(demo: Demo, api: string, page: DashboardPage): Promise<Delays> {
  await page.page.evaluate(watch, shown);
  await demo.say("kill b1", /b1 is dead/);
  await demo.next(/backend {3}b1 up → down/);
  const seen = await page.saw(Object.keys(shown));
  const { transitions } = await (await fetch(`${api}/v1/backends/b1`)).json();
  const at = Date.parse(transitions[0].at);
  const after = (what: keyof typeof shown) => {
    const delay = (seen[what] ?? NaN) - at;
    if (!(delay >= 0)) throw new Error(`${what} was shown ${-delay} ms before it happened`);
    return delay;
  };
  return {
    row: after("row"),
    frontend: after("frontend"),
    problem: after("problem"),
    event: after("event"),
    share: after("share"),
  };
}

/** One page over three daemons, of which one dies and comes back. */
import assert from "node:assert/strict";
import { Demo, freeAddress } from "../e2e/demo.ts";
import { browserTest, DashboardPage } from "./browser.ts";
import { FakeSite, problem } from "./fake_site.ts";

browserTest(
  "three daemons: a tab each, one dies and comes back, and the others stay as they are",
  async () => {
    const [own, second, third] = [freeAddress(), freeAddress(), freeAddress()];
    const peers = { MAGLEV_PEER: `lb2=http://${second},lb3=http://${third}`, MAGLEV_NODE_NAME: "lb1" };
    await using stack = new AsyncDisposableStack();
    const start = (listen: string, env: Record<string, string>) =>
      stack.use(new Demo(["--listen", listen], env));
    const all: Demo[] = [];
    const sites: [string, Record<string, string>][] = [
      [own, peers],
      [second, { MAGLEV_NODE_NAME: "lb2" }],
      [third, { MAGLEV_NODE_NAME: "lb3" }],
    ];
    for (const [listen, env] of sites) {
      const demo = start(listen, env);
      all.push(demo);
      // One after another: each takes a port for its servers that is free when it starts.
      await demo.next(/^Everything is up/);
    }
    // A peer that is away is 502, and so is its stream.
    await using page = await DashboardPage.open(`http://${own}`, { expected: /status of 50[23]/ });
    const tab = (text: string | RegExp) => page.find(".tabs button", text);
    await page.shows(".tabs button", "lb3");
    assert.equal(await tab(/./).count(), 3);
    await page.shows("h1", "lb1");

    await tab("lb3").click();
    await page.shows("h1", "lb3");
    await page.shows(".connection.live");
    await page.shows(".pill.vpp", "VPP is in sync");
    await page.shows(".pill.probes", "probing");
    await page.shows("#row-b1 .state.up");
    await page.find("#row-b1 button.link").first().click();
    await page.shows(".drawer", "that daemon's own page");
    await page.page.keyboard.press("Escape");
    // Its events come through the daemon of the page.
    await all[2]?.say("kill b1", /b1 is dead/);
    await page.shows("#row-b1 .state.down");
    await page.shows("#events li", /b1.*up → down/);

    await all[2]?.end(true);
    await page.shows(".connection.away");
    await page.shows("main.old");
    await page.shows(".tabs button .bad", "✖");
    await tab("lb2").click();
    await page.shows("h1", "lb2");
    await page.shows("#row-b1 .state.up");
    await page.shows(".tabs button", /✖.*lb3.*cannot be reached/);

    await tab("lb3").click();
    await page.shows(".connection.away");
    const again = start(third, { MAGLEV_NODE_NAME: "lb3" });
    await again.next(/^Everything is up/);
    await page.shows(".connection.live");
    await page.shows("#row-b1 .state.up");
    await page.lacks(".tabs button .bad");
  },
);

browserTest("a peer that answers nonsense is a red tab and nothing more", async () => {
  await using site = new FakeSite();
  const nonsense = [{ name: "lb2" }, { name: "lb3", url: 7, reachable: true }, "lb4", {
    name: "<b>x",
    reachable: true,
  }];
  site.answers.set("GET /v1/peers", { peers: nonsense });
  site.answers.set("GET /v1/peers/lb3/problems", { problems: "many", critical: "x" });
  site.answers.set("GET /v1/peers/lb3/backends", {
    backends: [{ name: "b1", frontends: 7, latency: { spark: 1 } }, 3],
  });
  site.answers.set("GET /v1/peers/lb3/frontends", { frontends: { www: 1 } });
  site.answers.set("GET /v1/peers/lb3/info", { node: ["x"], grafana_url: "javascript:alert(1)" });
  await using page = await DashboardPage.open(site.api, { expected: /status of 404/ });
  await page.shows(".tabs button", "lb3");
  await page.shows(".tabs button .bad", "✖");
  await page.shows("#row-b1 .state.up");
  await page.find(".tabs button", "lb3").click();
  await page.shows(".connection.away");
  await page.find("#row-b1 button.link").click();
  await page.shows(".drawer h2", "b1");
  assert.equal(await page.find("a").count(), 0);
  await page.find(".tabs button", "this daemon").click();
  await page.shows(".connection.live");
  await page.shows("#row-b2 .state.up");
});

browserTest("peers that could not be listed at first are listed later", async () => {
  await using site = new FakeSite();
  site.answers.set("GET /v1/peers", problem(503, "busy"));
  await using page = await DashboardPage.open(site.api, { expected: /status of (404|503)/ });
  await page.shows(".connection.live");
  assert.equal(await page.find(".tabs").count(), 0);
  site.answers.set("GET /v1/peers", { peers: [{ name: "lb2", url: "", reachable: false, detail: "away" }] });
  await page.shows(".tabs button", /lb2.*away/);
});

browserTest("objects are linked to Grafana with their variables, where the daemon knows one", async () => {
  await using site = new FakeSite();
  site.answers.set("GET /v1/info", { grafana_url: "https://grafana.example.net/d/maglev?orgId=1" });
  await using page = await DashboardPage.open(site.api, { expected: /status of 404/ });
  await page.find("#row-b1 button.link").first().click();
  const link = page.find(".drawer a");
  assert.equal(
    await link.getAttribute("href"),
    "https://grafana.example.net/d/maglev?orgId=1&var-backend=b1",
  );
  await page.page.keyboard.press("Escape");
  await page.find(".more button", "www").click();
  await page.shows(".drawer h2", "frontend");
  assert.equal(
    await link.getAttribute("href"),
    "https://grafana.example.net/d/maglev?orgId=1&var-frontend=www",
  );
});

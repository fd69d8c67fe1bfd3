/** The page in a real browser against what nobody meant: odd addresses, words, sizes, browsers and moments. */
import assert from "node:assert/strict";
import { browserTest, DashboardPage } from "./browser.ts";
import { backend, FakeSite, frontend } from "./fake_site.ts";
import { contentWidth } from "./in_page.js";

const at = "2026-01-31T12:00:00.000Z";
const refused = /status of 40[14]/;

browserTest("a token that is cut off in the address is taken as it is, and out of the address", async () => {
  for (const token of ["%", "%E0%A4%A"]) {
    await using site = new FakeSite();
    site.roles = { [token]: "operator" };
    await using page = await DashboardPage.open(site.api, { path: `/#token=${token}`, expected: refused });
    await page.shows(".you", "operator");
    assert.equal(page.page.url(), `${site.api}/`);
  }
});

browserTest("an address with a peer that there is not, or a filter of nothing, leads back", async () => {
  for (const peer of ["unknown", "..%2F..%2Fetc", ""]) {
    await using site = new FakeSite();
    await using page = await DashboardPage.open(site.api, {
      path: `/?peer=${peer}&state=resting&q=%3Cb%3E`,
      expected: refused,
    });
    await page.shows(".connection.away");
    await page.find(".tabs button", "this daemon").click();
    await page.shows(".connection.live");
    await page.shows("#backends", "no backend matches");
  }
});

browserTest("a browser that keeps nothing shows the page, and takes a token until it is closed", async () => {
  await using site = new FakeSite();
  site.roles = { operator: "operator" };
  const refusal = "{ get() { throw new DOMException('refused', 'SecurityError'); } }";
  await using page = await DashboardPage.open(site.api, {
    expected: refused,
    before:
      `for (const one of ["localStorage", "sessionStorage"]) Object.defineProperty(window, one, ${refusal});`,
  });
  await page.find(".login input").fill("operator");
  await page.page.keyboard.press("Enter");
  await page.shows(".you", "operator");
  await page.find(".bar select").selectOption("dark");
  await page.shows("html[data-theme=dark] #row-b1");
});

browserTest("words that every object of JavaScript has are words of a daemon like others", async () => {
  const names = ["__proto__", "constructor", "toString"];
  const all = names.map((name, i) => backend(name, { state: names[(i + 1) % names.length] }));
  await using site = new FakeSite(all);
  site.answers.set("GET /readyz", { ready: true, vpp: "constructor", probes: "toString" });
  const www = frontend("toString", all, { vpp: "constructor", state: "__proto__" });
  site.answers.set("GET /v1/frontends", { frontends: [www] });
  const changes = names.map((kind) => ({ kind })).concat({ kind: "\u202eabc" });
  site.answers.set("GET /v1/vpp/lb/plan", { digest: "d", predictions: [], changes });
  await using page = await DashboardPage.open(site.api, { expected: refused });
  for (const name of names) await page.shows("#backends tbody tr", name);
  await page.shows(".pill.vpp", "constructor");
  await page.find("#vpp button", "show the plan").click();
  await page.shows(".plan li", "\\u202eabc");
  for (const what of names) {
    await site.emit({ kind: "change", what });
    await site.emit({ kind: what, what });
    await page.shows("#events li", what);
  }
  await page.shows(".connection.live");
});

browserTest(
  "a peer with 20,000 backends and problems is shown in part, and the others stay at hand",
  async () => {
    await using site = new FakeSite();
    const count = 20_000;
    const many = Array.from(
      { length: count },
      (_, i) => backend(`b${i}`, { latency: null, last_probe: null }),
    );
    const problems = many.map(({ name }) => ({
      severity: "warning",
      kind: "backend-down",
      object: name,
      since: at,
      text: "t",
    }));
    site.answers.set("GET /v1/peers", { peers: [{ name: "lb2", url: "", reachable: true, detail: "" }] });
    site.answers.set("GET /v1/peers/lb2/backends", { backends: many });
    site.answers.set("GET /v1/peers/lb2/problems", { problems, critical: 0, warnings: count });
    await using page = await DashboardPage.open(site.api, { path: "/?peer=lb2", expected: refused });
    await page.shows("#backends", "only the first 1000 are shown");
    assert.equal(await page.find("#backends tbody tr").count(), 1000);
    await page.shows("#problems li", "and 19800 more");
    await page.find("#search").fill("b19999");
    await page.shows("#row-b19999");
    await page.find("#search").fill("");
    await page.find(".tabs button", "this daemon").click();
    await page.shows(".connection.live");
    await page.lacks("#row-b3");
  },
);

browserTest("names and texts of 200 letters do not make a phone scroll sideways", async () => {
  const long = "x".repeat(200);
  const override = {
    id: "o",
    kind: "pause",
    backend: long,
    frontend: null,
    by: long,
    claimed: null,
    reason: long,
    since: at,
    until: null,
    sleeping: null,
  };
  const all = [backend(long, { healthcheck: long, override }), backend("b2")];
  await using site = new FakeSite(all);
  site.answers.set("GET /v1/info", { node: long, version: long });
  const www = frontend(long, all, { description: long, vpp_detail: long });
  site.answers.set("GET /v1/frontends", { frontends: [www] });
  const problem = {
    severity: "warning",
    kind: "backend-down",
    object: long,
    since: at,
    text: long,
    show: long,
  };
  site.answers.set("GET /v1/problems", { problems: [problem], critical: 0, warnings: 1 });
  site.answers.set("GET /v1/overrides", { overrides: [override] });
  site.answers.set(`GET /v1/backends/${long}/explain`, { text: long, members: [{ state_reason: long }] });
  const changes = [{ kind: long, frontend: long, reason: long }];
  site.answers.set("GET /v1/vpp/lb/plan", { digest: long, changes, predictions: [] });
  site.answers.set("GET /v1/peers", { peers: [{ name: long, url: "", reachable: false, detail: long }] });
  await using page = await DashboardPage.open(site.api, {
    context: { viewport: { width: 360, height: 740 } },
    expected: refused,
  });
  for (const part of ["#problems li", "#overrides li", ".card", ".tabs button"]) await page.shows(part);
  await site.emit({ kind: "log", level: "warn", msg: long, attrs: { [long]: long } });
  await page.shows("#events li");
  await page.find("#vpp button", "show the plan").click();
  await page.shows(".plan");
  assert.equal(await page.page.evaluate(contentWidth), 360);
  await page.find("#backends td button.link").first().click();
  await page.shows(".drawer", "Why");
  assert.equal(await page.page.evaluate(contentWidth), 360);
});

browserTest(
  "a token that expires in the middle of an action is told in its question, and another one goes on",
  async () => {
    await using site = new FakeSite();
    site.roles = { old: "operator", fresh: "operator" };
    const consequences = { durable: true, durable_detail: "", replaced: null, frontends: [] };
    site.answers.set("POST /v1/backends/b1/pause", backend("b1", { consequences }));
    await using page = await DashboardPage.open(site.api, { path: "/#token=old", expected: refused });
    await page.find("#row-b1 button.link").first().click();
    await page.find(".drawer button", "pause").click();
    await page.shows("dialog", "No frontend changes");
    site.roles = { fresh: "operator" };
    await page.find("dialog button", "do it").click();
    await page.shows("dialog [role=alert]", "Nobody has this token");
    await page.page.keyboard.press("Escape");
    await page.page.keyboard.press("Escape");
    await page.lacks(".drawer");
    // The daemon ends the streams of a token that it takes no more.
    site.breakStreams();
    await page.find(".login input").fill("fresh");
    await page.page.keyboard.press("Enter");
    await page.shows(".connection.live");
  },
);

browserTest("a clock that is set back or forth leaves the page live", async () => {
  await using site = new FakeSite();
  await using page = await DashboardPage.open(site.api, { clock: true });
  await page.shows(".connection.live");
  for (const year of [2020, 2040]) {
    await page.page.clock.setSystemTime(Date.UTC(year, 0, 1));
    await page.page.clock.runFor(5_000);
    await page.shows(".connection.live");
    await page.shows("#row-b1 .state.up");
  }
});

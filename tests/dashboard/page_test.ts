/** The page in a real browser over a daemon that the test writes down: sizes, colours, names, versions, tokens. */
import assert from "node:assert/strict";
import axe from "axe-core";
import fc from "fast-check";
import { browserTest, DashboardPage } from "./browser.ts";
import { at, busySite, isWhole, override, violations } from "./busy_site.ts";
import { backend, FakeSite, frontend } from "./fake_site.ts";
import { contentWidth, paints, pressEscapeAfterClosing, texts, watch } from "./in_page.js";

for (const colorScheme of ["light", "dark"] as const) {
  browserTest(
    `axe finds no serious fault in the page, its drawer, its help and its dialog (${colorScheme})`,
    async () => {
      await using site = busySite();
      site.roles = { operator: "operator" };
      await using page = await DashboardPage.open(site.api, {
        path: "/#token=operator",
        // What is still fading in has no contrast yet.
        context: { colorScheme, reducedMotion: "reduce" },
        before: axe.source,
        expected: /status of 404/,
      });
      await isWhole(page);
      assert.deepEqual(await violations(page), []);
      await page.find("#row-b2 button.link").first().click();
      await page.shows(".drawer");
      assert.deepEqual(await violations(page), []);
      await page.find(".drawer button", "pause").click();
      await page.shows("dialog");
      assert.deepEqual(await violations(page), []);
      await page.page.keyboard.press("Escape");
      await page.page.keyboard.press("Escape");
      await page.lacks(".drawer");
      await page.page.keyboard.press("?");
      await page.shows(".drawer kbd");
      assert.deepEqual(await violations(page), []);
    },
  );
}

browserTest(
  "Escape closes the drawer right after the dialog, before the browser has told of that",
  async () => {
    await using site = busySite();
    site.roles = { operator: "operator" };
    await using page = await DashboardPage.open(site.api, {
      path: "/#token=operator",
      expected: /status of 404/,
    });
    await page.find("#row-b2 button.link").first().click();
    await page.find(".drawer button", "pause").click();
    await page.shows("dialog");
    await page.page.evaluate(pressEscapeAfterClosing);
    await page.lacks("dialog");
    await page.lacks(".drawer");
  },
);

browserTest("a phone of 360 px does not scroll sideways, neither does the drawer", async () => {
  await using site = busySite();
  await using page = await DashboardPage.open(site.api, {
    context: { viewport: { width: 360, height: 740 } },
    expected: /status of 404/,
  });
  await isWhole(page);
  assert.equal(await page.page.evaluate(contentWidth), 360);
  await page.find("#row-b2 button.link").first().click();
  await page.shows(".drawer");
  assert.equal(await page.page.evaluate(contentWidth), 360);
});

browserTest(
  "the colours are the reader's or the chosen ones, and motion is only for those who want it",
  async () => {
    await using site = busySite();
    await using page = await DashboardPage.open(site.api, {
      context: { colorScheme: "dark", reducedMotion: "reduce" },
      expected: /status of 404/,
    });
    await isWhole(page);
    const dark = await page.page.evaluate(paints, "body");
    await page.find(".bar select").selectOption("light");
    const light = await page.page.evaluate(paints, "body");
    assert.notEqual(light.background, dark.background);
    await page.page.reload();
    await isWhole(page);
    assert.deepEqual(await page.page.evaluate(paints, "body"), light, "the choice is kept");
    await page.find("#row-b2 button.link").first().click();
    await page.shows(".drawer");
    assert.equal((await page.page.evaluate(paints, ".drawer")).animation, "none");
  },
);

browserTest("on paper there are tables and no controls", async () => {
  await using site = busySite();
  await using page = await DashboardPage.open(site.api);
  await isWhole(page);
  await page.page.emulateMedia({ media: "print" });
  await page.find("#whereis").waitFor({ state: "hidden" });
  assert.equal(await page.find("#search").isVisible(), false);
  assert.equal(await page.find("#row-b5").isVisible(), true);
  assert.equal(await page.find("#row-b5 button.link").first().isVisible(), true);
});

browserTest(
  "300 backends: three rows of squares, a filter in the address, and an order that no change moves",
  async () => {
    const names = Array.from({ length: 300 }, (_, i) => `b${i + 1}`);
    await using site = new FakeSite(names.map((name, i) => backend(name, i === 17 ? { state: "down" } : {})));
    await using page = await DashboardPage.open(site.api);
    await page.shows("#row-b300");
    assert.equal(await page.find("#backends tbody tr").count(), 300);
    const tops = new Set((await page.page.evaluate(texts, "#backends .square")).map(({ top }) => top));
    assert.equal(tops.size, 3);
    const rows = async () =>
      (await page.page.evaluate(texts, "#backends tbody tr td:first-child")).map(({ text }) => text);
    assert.deepEqual(await rows(), names, "the file's order");

    await page.find("#backends th button", "state").click();
    const sorted = await rows();
    assert.equal(sorted[0], "b18");
    const transition = {
      from: "up",
      to: "down",
      at,
      at_unix_ns: "1",
      code: "L4CON",
      detail: "",
      by: null,
      effects: [],
    };
    site.answers.set("GET /v1/backends", {
      backends: names.map((name, i) => backend(name, i === 17 || i === 99 ? { state: "down" } : {})),
    });
    await site.emit({ kind: "backend", backend: "b100", frontends: ["www"], transition });
    await page.shows("#row-b100 .state.down");
    assert.deepEqual(await rows(), sorted, "a row that changes stays where it is");

    await page.find(".chip.down").click();
    assert.deepEqual(await rows(), ["b18", "b100"]);
    await page.find("#search").fill("b100");
    assert.deepEqual(await rows(), ["b100"]);
    assert.match(page.page.url(), /\?q=b100&state=down$/);
    await page.page.reload();
    await page.shows("#row-b100");
    assert.deepEqual(await rows(), ["b100"], "the address keeps the filter");
  },
);

const hostile = fc.array(
  fc.oneof(
    fc.constantFrom(
      "<img src=x onerror=alert(1)>",
      "</script><script>alert(1)</script>",
      '"><svg onload=alert(1)>',
    ),
    fc.constantFrom(
      "\u202e",
      "\u2066",
      "\u0000",
      "\u0007",
      "\u001b[31m",
      "\u200b",
      "\n",
      "javascript:alert(1)",
      "'",
      '"',
      "&lt;",
    ),
    fc.string({ maxLength: 8 }),
  ),
  { minLength: 1, maxLength: 6 },
).map((parts) => parts.join(""));

browserTest(
  "names and texts with markup, bidi and control characters are text and nothing else",
  async () => {
    const words = fc.sample(fc.uniqueArray(hostile, { minLength: 12, maxLength: 12 }), {
      numRuns: 4,
      seed: 20,
    });
    for (const [first = "", second = "", ...rest] of words) {
      const [text = "", more = ""] = rest;
      const one = backend(first, {
        address: text,
        healthcheck: more,
        frontends: [{ frontend: second, pool: text }],
        last_probe: { ...backend("x").last_probe, code: text, detail: more },
        override: { ...override("o", "pause", first), by: text, reason: more, claimed: first },
        certificate: {
          subject: text,
          issuer: more,
          names: [first],
          not_before: at,
          not_after: at,
          days_left: 3,
        },
        transitions: [{
          from: "up",
          to: "down",
          at,
          at_unix_ns: "1",
          code: more,
          detail: text,
          by: first,
          effects: [],
        }],
      });
      await using site = new FakeSite([one]);
      site.answers.set("GET /v1/info", { node: text, version: more });
      site.answers.set("GET /v1/frontends", {
        frontends: [frontend(second, [one], { description: text, vpp_detail: more, address: first })],
      });
      site.answers.set("GET /v1/problems", {
        problems: [{
          severity: "warning",
          kind: "backend-down",
          object: first,
          since: at,
          text,
          show: more,
          fix: null,
        }],
        critical: 0,
        warnings: 1,
      });
      site.answers.set("GET /v1/overrides", { overrides: [one.override] });
      site.answers.set(`GET /v1/backends/${encodeURIComponent(first)}`, one);
      await using page = await DashboardPage.open(site.api, { expected: /status of 404/ });
      await page.shows("#backends tbody tr");
      await site.emit({ kind: "log", level: "warn", msg: text, attrs: { [more]: first } });
      await page.shows("#events li");
      await page.find("#backends tbody button.link").first().click();
      await page.shows(".drawer h2");
      const shown = await page.page.evaluate(texts, "body");
      assert.doesNotMatch(shown.map(({ text }) => text).join(""), /[^\P{Cc}\n\t]|\p{Cf}/u);
      assert.equal(
        await page.find("body img, body script, body svg[onload], #app a[href^=javascript]").count(),
        0,
      );
      page.assertQuiet();
    }
  },
);

browserTest(
  "a daemon of another version: unknown keys are ignored, missing ones are shown as unknown",
  async () => {
    const old = {
      name: "b1",
      address: "192.0.2.1",
      state: "up",
      since: at,
      transitions: [],
      frontends: [],
      more: { a: 1 },
    };
    await using site = new FakeSite();
    site.answers.set("GET /v1/backends", {
      backends: [old, { ...old, name: "b2", state: "resting" }],
      more: true,
    });
    site.answers.set("GET /v1/frontends", {
      frontends: [{
        name: "www",
        address: "198.51.100.1",
        protocol: "tcp",
        port: 80,
        state: "up",
        since: at,
        pools: [{ name: "p", active: true, backends: [{ ...old, weight: 100, effective_weight: 100 }] }],
      }],
    });
    for (const path of ["problems", "overrides", "journal", "peers"]) site.answers.delete(`GET /v1/${path}`);
    await using page = await DashboardPage.open(site.api, { expected: /status of 404/ });
    await page.shows("#row-b2", "resting");
    await page.shows("#problems", "this daemon does not list problems");
    await page.shows("#frontends .card", "www");
    await site.emit({ kind: "weather", what: "rain" });
    await page.shows("#events li", "weather");
    await page.find("#row-b1 button.link").click();
    await page.shows(".drawer h2", "b1");
  },
);

browserTest("a stream in which nothing is heard for 35 s greys the page, and it lives again", async () => {
  await using site = new FakeSite();
  await using page = await DashboardPage.open(site.api, { clock: true });
  await page.shows(".connection.live");
  await page.page.evaluate(watch, { stale: [".connection.stale", "stale"], grey: ["main.old", "."] });
  await page.page.clock.runFor(36_000);
  await page.page.clock.runFor(1_000);
  await page.saw(["stale", "grey"]);
  await page.shows(".connection.live");
  await page.lacks("main.old");
});

browserTest("the title and the icon tell trouble", async () => {
  await using site = new FakeSite();
  await using page = await DashboardPage.open(site.api, { expected: /status of 401/ });
  await page.shows("#problems .fine");
  await page.isTitled(/^lb1$/);
  const icon = async () => await page.find("link[rel=icon]").getAttribute("href");
  const fine = await icon();
  const one = {
    severity: "critical",
    kind: "vpp-gone",
    object: "vpp",
    since: at,
    text: "VPP is gone",
    show: null,
    fix: null,
  };
  site.answers.set("GET /v1/problems", { problems: [one], critical: 1, warnings: 1 });
  await site.emit({ kind: "change", what: "problems", backend: null, frontend: null });
  await page.shows("#problems li", "VPP is gone");
  await page.isTitled(/^\(2!\) lb1$/);
  assert.notEqual(await icon(), fine);
  site.answers.set("GET /v1/problems", { problems: [], critical: 0, warnings: 0 });
  await site.emit({ kind: "change", what: "problems", backend: null, frontend: null });
  await page.isTitled(/^lb1$/);
  // Whoever tells nothing any more is not well.
  site.roles = {};
  site.breakStreams();
  await page.shows("main.old");
  await page.isTitled(/^\(1!\) lb1$/);
});

browserTest("without JavaScript the page is a table of what is served", async () => {
  await using site = new FakeSite();
  await using page = await DashboardPage.open(site.api, { context: { javaScriptEnabled: false } });
  await page.shows("table td", "b1");
});

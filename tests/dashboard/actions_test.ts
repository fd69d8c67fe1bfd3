/** Actions in a real browser: by mouse and by keyboard alone, with their preview and a typed confirmation; tokens. */
import assert from "node:assert/strict";
import { browserTest, DashboardPage } from "./browser.ts";
import { backend, FakeSite, frontend, override, problem, weightChange } from "./fake_site.ts";

const refused = /status of 40[134]/;

/** What an action would do; `left` servers of www are left. */
function consequences(left: number) {
  const www = {
    frontend: "www",
    from: "up",
    to: left === 0 ? "down" : "up",
    pool_before: "primary",
    pool_after: left === 0 ? null : "primary",
    servers_left: left,
    moved_share: 0.5,
    flushed: ["b1"],
  };
  return { dry_run: true, durable: true, durable_detail: "", replaced: null, frontends: [www], changes: [] };
}

/** A site for an operator, whose actions answer these consequences. */
function operable(left: number): FakeSite {
  const site = new FakeSite();
  site.roles = { operator: "operator", viewer: "viewer" };
  for (const action of ["pause", "resume", "disable", "enable"]) {
    site.answers.set(`POST /v1/backends/b1/${action}`, backend("b1", { consequences: consequences(left) }));
  }
  site.answers.set(
    "PUT /v1/frontends/www/pools/primary/backends/b1/weight",
    frontend("www", [backend("b1")], { consequences: consequences(left) }),
  );
  return site;
}

/** What the page sent that was no trial. */
function done(site: FakeSite): unknown[] {
  return site.asked.filter(({ method, path }) => method !== "GET" && !path.includes("dry_run"))
    .map(({ body, method, path }) => [method, path, body]);
}

browserTest("by mouse: the preview, a reason and an hour, and one request", async () => {
  await using site = operable(1);
  await using page = await DashboardPage.open(site.api, { path: "/#token=operator", expected: refused });
  await page.find("#row-b1 button.link").first().click();
  await page.find(".drawer .actions button", "pause").click();
  await page.shows(
    "dialog li",
    /www.*up → up, 1 servers left.*50.0 % of new flows move.*flows of b1 are flushed/,
  );
  assert.deepEqual(done(site), [], "so far it was only asked");
  assert.deepEqual(site.askedFor("POST", "/v1/backends/b1/pause?dry_run=true").length, 1);
  await page.find("dialog input[name=reason]").fill("new kernel");
  await page.find("dialog select").selectOption({ label: "for 30 min" });
  await page.find("dialog button[type=submit]").click();
  await page.lacks("dialog");
  await page.shows(".notice", "Pause b1: done");
  assert.deepEqual(done(site), [["POST", "/v1/backends/b1/pause", {
    reason: "new kernel",
    for_ns: "1800000000000",
  }]]);
  assert.doesNotMatch(page.page.url(), /token/);
});

browserTest("by keyboard alone: what takes the last server out wants the frontend's name typed", async () => {
  await using site = operable(0);
  await using page = await DashboardPage.open(site.api, { path: "/#token=operator", expected: refused });
  const { keyboard } = page.page;
  await page.shows("#row-b1");
  await keyboard.press("j");
  await page.shows("#row-b1.cursor");
  await keyboard.press("Enter");
  await page.shows(".drawer h2", "b1");
  // Close, then the actions in their order.
  await keyboard.press("Tab");
  await keyboard.press("Tab");
  await keyboard.press("Tab");
  assert.equal(await page.find(":focus").textContent(), "disable");
  await keyboard.press("Enter");
  await page.shows("dialog .bad", /last server of www/);
  const submit = page.find("dialog button[type=submit]");
  assert.equal(await submit.isDisabled(), true);
  await keyboard.type("because");
  await keyboard.press("Tab");
  await keyboard.press("Tab");
  await keyboard.type("ww");
  assert.equal(await submit.isDisabled(), true);
  await keyboard.press("Enter");
  assert.deepEqual(done(site), [], "a half name confirms nothing");
  await keyboard.type("w");
  await keyboard.press("Enter");
  await page.lacks("dialog");
  assert.deepEqual(done(site), [["POST", "/v1/backends/b1/disable", { reason: "because" }]]);
  await keyboard.press("Escape");
  await page.lacks(".drawer");
});

browserTest("weights, the end of an override, and exactly the plan that was shown", async () => {
  await using site = operable(1);
  site.answers.set("GET /v1/overrides", { overrides: [override("b2")] });
  site.answers.set("DELETE /v1/overrides/o7", { overrides: [], consequences: consequences(2) });
  const server = {
    address: "192.0.2.1",
    backend: "b1",
    weight_before: 0,
    weight_after: 100,
    share_before: 0,
    share_after: 0.5,
  };
  site.answers.set("GET /v1/vpp/lb/plan", {
    scope: "all",
    frontend: null,
    digest: "d1",
    changes: [weightChange],
    predictions: [{
      frontend: "www",
      prefix: "198.51.100.1/32",
      protocol: "tcp",
      port: 80,
      servers: [server],
      moved_share: 0.5,
      least_share: 0.4,
    }],
  });
  site.answers.set("POST /v1/vpp/lb/sync", { done: 1, failed: 0 });
  await using page = await DashboardPage.open(site.api, { path: "/#token=operator", expected: refused });

  await page.find("#row-b1 button.link").first().click();
  await page.find(".drawer input[name=weight]").fill("0");
  await page.find(".drawer form button").click();
  await page.shows("dialog h2", "Set the weight of b1 in www/primary to 0");
  await page.shows("dialog li");
  await page.find("dialog input[name=flush]").check();
  await page.find("dialog button[type=submit]").click();
  await page.lacks("dialog");
  await page.page.keyboard.press("Escape");
  await page.lacks(".drawer");

  await page.find("#overrides button").last().click();
  await page.shows("dialog h2", "End: pause of b2");
  await page.find("dialog button[type=submit]").click();
  await page.lacks("dialog");

  await page.find("#vpp button", "show the plan").click();
  await page.shows(".plan li", /as weight updated.*www b1 0 → 100/);
  await page.shows(".plan table", /b1.*0.0 %.*50.0 %/s);
  await page.find(".plan button", "send exactly this plan").click();
  await page.find("dialog button[type=submit]").click();
  await page.lacks("dialog");
  assert.deepEqual(done(site), [
    ["PUT", "/v1/frontends/www/pools/primary/backends/b1/weight", { weight: 0, flush: true }],
    ["DELETE", "/v1/overrides/o7", null],
    ["POST", "/v1/vpp/lb/sync", { plan_digest: "d1" }],
  ]);
});

browserTest("a plan that a problem asks for and the daemon refuses is told where the plan is", async () => {
  await using site = operable(1);
  const drift = {
    severity: "warning",
    kind: "drift",
    object: "www",
    since: "2026-01-31T12:00:00Z",
    text: "somebody else changed www in VPP",
    show: "show vpp lb plan www",
    fix: null,
  };
  site.answers.set("GET /v1/problems", { problems: [drift], critical: 0, warnings: 1 });
  site.answers.set("GET /v1/vpp/lb/plan", problem(503, "VPP is not connected"));
  await using page = await DashboardPage.open(site.api, {
    path: "/#token=operator",
    expected: /status of (40[134]|503)/,
  });
  await page.find("#problems button", "show the plan").click();
  await page.shows("#vpp [role=alert]", "VPP is not connected");
});

browserTest("what the daemon refuses is said in the dialog, which stays", async () => {
  await using site = operable(1);
  site.answers.set("POST /v1/backends/b1/pause", problem(409, "b1 is disabled"));
  await using page = await DashboardPage.open(site.api, {
    path: "/#token=operator",
    expected: /status of 40[49]/,
  });
  await page.find("#row-b1 button.link").first().click();
  await page.find(".drawer .actions button", "pause").click();
  await page.shows("dialog", "b1 is disabled");
  await page.find("dialog button[type=submit]").click();
  await page.shows("dialog [role=alert]", "b1 is disabled");
  assert.equal(await page.find("dialog").isVisible(), true);
});

browserTest("tokens: none, a wrong one, a viewer's, an operator's, and one that expires", async () => {
  await using site = operable(1);
  await using page = await DashboardPage.open(site.api, { expected: refused });
  const give = async (token: string) => {
    await page.find(".login input").fill(token);
    await page.page.keyboard.press("Enter");
  };
  await page.shows(".connection.unauthorized", "This needs a token");
  assert.equal(await page.find("#backends tbody tr").count(), 0);
  await give("wrong");
  await page.shows(".connection.unauthorized", "Nobody has this token");
  const asked = site.askedFor("GET", "/v1/events").length;
  await give("viewer");
  await page.shows(".connection.live");
  assert.ok(
    site.askedFor("GET", "/v1/events").length - asked <= 2,
    "a refused token is not tried again and again",
  );
  await page.shows(".you", "somebody (viewer)");
  await page.find("#row-b1 button.link").first().click();
  await page.shows(".drawer", "a change needs a token");
  assert.equal(await page.find(".drawer .actions").count(), 0);
  assert.equal(await page.find("#vpp button", "send exactly").count(), 0);
  await page.page.keyboard.press("Escape");

  await page.find("button", "log out").click();
  await page.shows(".connection.unauthorized");
  assert.equal(await page.find("#backends tbody tr").count(), 0, "what was read is gone");
  await give("operator");
  await page.shows(".you", "somebody (operator)");
  await page.page.reload();
  await page.shows(".you", "somebody (operator)");

  // It expires: the daemon ends the stream and takes the token no more.
  site.roles = { viewer: "viewer" };
  site.breakStreams();
  await page.shows(".connection.unauthorized", "Nobody has this token");
  await page.shows(".login");
});

browserTest(
  "after log out nothing is left of what was read: no answer, no list that was paused, no drawer",
  async () => {
    await using site = operable(1);
    const secret = "secret-detail";
    const server = { backend: secret, address: "192.0.2.1" };
    const whereis = { bucket: 1, table_length: 2, now: server, after_plan: server, note: "" };
    site.answers.set("GET /v1/frontends/www/whereis", whereis);
    site.answers.set("GET /v1/backends/b1/explain", { text: secret, members: [] });
    site.answers.set("GET /v1/vpp/lb/plan", { digest: "d", predictions: [], changes: [{ kind: secret }] });
    await using page = await DashboardPage.open(site.api, { path: "/#token=operator", expected: refused });
    await page.shows("#row-b1");
    await site.emit({ kind: "log", level: "warn", msg: secret, attrs: {} });
    await page.shows("#events li", secret);
    await page.find("#events button", "pause").click();
    await page.find("#whereis input[name=client]").fill("192.0.2.7");
    await page.find("#whereis button").click();
    await page.shows("#whereis [role=status]", secret);
    await page.find("#vpp button", "show the plan").click();
    await page.shows(".plan li", secret);
    await page.find("#row-b1 button.link").first().click();
    await page.shows(".drawer", secret);
    // The drawer lies over it, for the mouse.
    await page.find("button", "log out").press("Enter");
    await page.shows(".connection.unauthorized");
    await page.lacks("body", secret);
    await page.lacks(".drawer");
  },
);

browserTest("where reads need no token, one may be given for changes", async () => {
  await using site = operable(1);
  site.roles = null;
  await using page = await DashboardPage.open(site.api, { expected: refused });
  await page.shows("#row-b1");
  await page.shows(".you", "reading without a token");
  await page.find("button", "log in").click();
  await page.find(".login input").fill("operator");
  // Only now: a read that is refused before would ask for a token by itself.
  site.roles = { operator: "operator" };
  await page.find(".login button").click();
  await page.shows(".you", "somebody (operator)");
  await page.lacks(".login");
});

browserTest("the keyboard moves, searches, goes to regions, helps and closes", async () => {
  await using site = operable(1);
  site.roles = null;
  await using page = await DashboardPage.open(site.api, { expected: refused });
  const { keyboard } = page.page;
  await page.shows("#row-b2");
  await keyboard.press("j");
  await keyboard.press("j");
  await page.shows("#row-b2.cursor");
  await keyboard.press("k");
  await page.shows("#row-b1.cursor");
  await keyboard.press("/");
  await keyboard.type("b2");
  await page.lacks("#row-b1");
  await keyboard.press("Escape");
  for (
    const [key, region] of [["f", "frontends"], ["b", "backends"], ["v", "vpp"], ["e", "events"]] as const
  ) {
    await keyboard.press("g");
    await keyboard.press(key);
    await page.find(`#${region} :focus`).waitFor();
  }
  await keyboard.press("?");
  await page.shows(".drawer kbd");
  await keyboard.press("Escape");
  await page.lacks(".drawer");
});

browserTest("whereis asks for a client, and says which server it gets now and after the plan", async () => {
  await using site = operable(1);
  site.roles = null;
  site.answers.set("GET /v1/frontends/www/whereis", {
    frontend: "www",
    client: "192.0.2.7",
    client_port: 40000,
    hash: 1,
    bucket: 17,
    table_length: 1024,
    now: { backend: "b1", address: "192.0.2.1" },
    after_plan: { backend: "b2", address: "192.0.2.2" },
    note: "an established flow stays",
  });
  await using page = await DashboardPage.open(site.api, { expected: refused });
  await page.find("#whereis input[name=client]").fill("192.0.2.7");
  await page.find("#whereis input[name=port]").fill("40000");
  await page.find("#whereis button").click();
  await page.shows("#whereis [role=status]", /now b1, after the plan b2.*bucket 17 of 1024.*stays/);
  assert.deepEqual(site.askedFor("GET", "/v1/frontends/www/whereis").map(({ path }) => path), [
    "/v1/frontends/www/whereis?client=192.0.2.7&client_port=40000",
  ]);
});

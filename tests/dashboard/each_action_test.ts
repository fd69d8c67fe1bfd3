/** Every action of the dashboard by mouse and by keyboard alone: its preview, its confirmation, what is sent. */
import assert from "node:assert/strict";
import { browserTest, DashboardPage } from "./browser.ts";
import { backend, FakeSite, frontend, override, weightChange } from "./fake_site.ts";

const place = "/v1/frontends/www/pools/primary/backends/b1/weight";
/** What the daemon says that an action would do. */
const preview = /www.*up → .*servers left.*50.0 % of new flows move.*flows of b1 are flushed/;

function consequences(left: number) {
  const www = {
    frontend: "www",
    from: "up",
    to: left === 0 ? "down" : "up",
    pool_before: "primary",
    pool_after: "primary",
    servers_left: left,
    moved_share: 0.5,
    flushed: ["b1"],
  };
  return { dry_run: true, durable: true, durable_detail: "", replaced: null, frontends: [www], changes: [] };
}

/** b1 in a state, behind www, with an override and a plan to send; an action leaves so many servers. */
function site(state: string, left: number): FakeSite {
  const one = backend("b1", { state });
  const made = new FakeSite([one, backend("b2")]);
  made.roles = { operator: "operator" };
  for (const kind of ["pause", "resume", "disable", "enable"]) {
    made.answers.set(`POST /v1/backends/b1/${kind}`, { ...one, consequences: consequences(left) });
  }
  made.answers.set(`PUT ${place}`, { ...frontend("www", [one]), consequences: consequences(left) });
  made.answers.set("GET /v1/overrides", { overrides: [override("b1")] });
  made.answers.set("DELETE /v1/overrides/o7", { overrides: [], consequences: consequences(left) });
  made.answers.set("GET /v1/vpp/lb/plan", { digest: "d1", changes: [weightChange], predictions: [] });
  made.answers.set("POST /v1/vpp/lb/sync", { done: 1, failed: 0 });
  return made;
}

interface Case {
  readonly what: string;
  /** State of b1 before. */
  readonly state: string;
  /** Where its button is. */
  readonly at: "drawer" | "overrides" | "plan";
  /** The button; of a weight, what is typed before. */
  readonly button: string;
  readonly weight?: string;
  readonly title: string;
  readonly preview: RegExp;
  /** Whether it asks for a reason. */
  readonly reasoned: boolean;
  /** Whether it can take the last server out. */
  readonly takes: boolean;
  readonly sent: readonly [method: string, path: string, body: unknown];
}

const reason = "new kernel";
const cases: readonly Case[] = [
  {
    what: "pause",
    state: "up",
    at: "drawer",
    button: "pause",
    title: "Pause b1",
    preview,
    reasoned: true,
    takes: true,
    sent: ["POST", "/v1/backends/b1/pause", { reason }],
  },
  {
    what: "resume",
    state: "paused",
    at: "drawer",
    button: "resume",
    title: "Resume b1",
    preview,
    reasoned: false,
    takes: false,
    sent: ["POST", "/v1/backends/b1/resume", {}],
  },
  {
    what: "disable",
    state: "up",
    at: "drawer",
    button: "disable",
    title: "Disable b1",
    preview,
    reasoned: true,
    takes: true,
    sent: ["POST", "/v1/backends/b1/disable", { reason }],
  },
  {
    what: "enable",
    state: "disabled",
    at: "drawer",
    button: "enable",
    title: "Enable b1",
    preview,
    reasoned: false,
    takes: false,
    sent: ["POST", "/v1/backends/b1/enable", {}],
  },
  {
    what: "a weight",
    state: "up",
    at: "drawer",
    button: "set",
    weight: "30",
    title: "Set the weight of b1 in www/primary to 30",
    preview,
    reasoned: true,
    takes: false,
    sent: ["PUT", place, { weight: 30, reason }],
  },
  {
    what: "weight 0",
    state: "up",
    at: "drawer",
    button: "set",
    weight: "0",
    title: "Set the weight of b1 in www/primary to 0",
    preview,
    reasoned: true,
    takes: true,
    sent: ["PUT", place, { weight: 0, reason }],
  },
  {
    what: "the end of an override",
    state: "paused",
    at: "overrides",
    button: "end",
    title: "End: pause of b1",
    preview,
    reasoned: false,
    takes: false,
    sent: ["DELETE", "/v1/overrides/o7", null],
  },
  {
    what: "exactly this plan",
    state: "up",
    at: "plan",
    button: "send exactly this plan",
    title: "Send exactly this plan to VPP",
    preview: /the plan above, and nothing else/,
    reasoned: false,
    takes: false,
    sent: ["POST", "/v1/vpp/lb/sync", { plan_digest: "d1" }],
  },
];

/** What the page sent that was no trial. */
function done(site: FakeSite): unknown[] {
  return site.asked.filter(({ method, path }) => method !== "GET" && !path.includes("dry_run"))
    .map(({ body, method, path }) => [method, path, body]);
}

/** How a person gets to a button and through the question. */
interface Hand {
  /** Opens what holds the button. */
  open(page: DashboardPage, one: Case): Promise<void>;
  /** Presses the button. */
  press(page: DashboardPage, selector: string, text: string): Promise<void>;
  /** Writes into a field, which may hold something. */
  write(page: DashboardPage, selector: string, text: string): Promise<void>;
}

const mouse: Hand = {
  async open(page, one) {
    if (one.at === "drawer") await page.find("#row-b1 button.link").first().click();
    if (one.at === "plan") await page.find("#vpp button", "show the plan").click();
  },
  async press(page, selector, text) {
    await page.find(selector, new RegExp(`^${text}$`)).click();
  },
  async write(page, selector, text) {
    await page.find(selector).click({ clickCount: 3 });
    await page.page.keyboard.type(text);
  },
};

/** Presses Tab until the wanted element has the focus. */
async function tabTo(page: DashboardPage, selector: string, text: string): Promise<void> {
  const { keyboard } = page.page;
  await page.shows(selector, text === "" ? undefined : new RegExp(`^${text}$`));
  for (let i = 0; i < 200; i++) {
    const found = page.find(`${selector}:focus`);
    if (await found.count() === 1 && (text === "" || await found.textContent() === text)) return;
    await keyboard.press("Tab");
  }
  assert.fail(`Tab does not reach ${selector} ${text}`);
}

const keyboardAlone: Hand = {
  async open(page, one) {
    const { keyboard } = page.page;
    if (one.at === "drawer") {
      await keyboard.press("j");
      await page.shows("#row-b1.cursor");
      await keyboard.press("Enter");
    }
    if (one.at === "plan") {
      await keyboard.press("g");
      await keyboard.press("v");
      await keyboard.press("Enter");
    }
  },
  async press(page, selector, text) {
    await tabTo(page, selector, text);
    await page.page.keyboard.press("Enter");
  },
  async write(page, selector, text) {
    await tabTo(page, selector, "");
    await page.page.keyboard.press("ControlOrMeta+A");
    await page.page.keyboard.type(text);
  },
};

const buttons = { drawer: ".drawer button", overrides: "#overrides button", plan: ".plan button" } as const;

async function act(hand: Hand, one: Case, left: number): Promise<void> {
  await using made = site(one.state, left);
  await using page = await DashboardPage.open(made.api, {
    path: "/#token=operator",
    expected: /status of 40[134]/,
  });
  await page.shows("#row-b1");
  await page.shows(".you", "operator");
  await hand.open(page, one);
  if (one.at === "drawer") await page.shows(".drawer h2", "b1");
  if (one.weight !== undefined) await hand.write(page, ".drawer input[name=weight]", one.weight);
  await hand.press(page, buttons[one.at], one.button);
  await page.shows("dialog h2", one.title);
  await page.shows("dialog", one.preview);
  assert.deepEqual(done(made), [], "so far it was only asked");
  if (one.reasoned) await hand.write(page, "dialog input[name=reason]", reason);
  else assert.equal(await page.find("dialog input[name=reason]").count(), 0);
  if (one.takes && left === 0) {
    await page.shows("dialog .bad", /last server of www/);
    const submit = page.find("dialog button[type=submit]");
    assert.equal(await submit.isDisabled(), true);
    await hand.write(page, "dialog input[name=typed]", "ww");
    assert.equal(await submit.isDisabled(), true, "half a name confirms nothing");
    await page.page.keyboard.press("Enter");
    await hand.write(page, "dialog input[name=typed]", "www");
  } else assert.equal(await page.find("dialog input[name=typed]").count(), 0);
  assert.deepEqual(done(made), []);
  await hand.press(page, "dialog button", "do it");
  await page.lacks("dialog");
  await page.shows(".notice", `${one.title}: done`);
  // Whoever works by keyboard goes on where the question was asked.
  if (one.at === "drawer") await page.find(".drawer button:focus").waitFor();
  assert.deepEqual(done(made), [one.sent]);
}

for (const one of cases) {
  for (const [name, hand] of [["mouse", mouse], ["keyboard alone", keyboardAlone]] as const) {
    browserTest(`${one.what}, by ${name}: preview, question, one request`, () => act(hand, one, 1));
    if (!one.takes) continue;
    browserTest(
      `${one.what} of the last server, by ${name}: the frontend's name is typed`,
      () => act(hand, one, 0),
    );
  }
}

browserTest(
  "nothing is done before the daemon has said what it would do, and an old answer is not of a new question",
  async () => {
    await using made = site("up", 1);
    const late = Promise.withResolvers<void>();
    made.answers.set("POST /v1/backends/b1/pause", async () => {
      await late.promise;
      return backend("b1", { consequences: consequences(0) });
    });
    await using page = await DashboardPage.open(made.api, {
      path: "/#token=operator",
      expected: /status of 40[134]/,
    });
    const { keyboard } = page.page;
    await page.find("#row-b1 button.link").first().click();
    await page.find(".drawer button", "pause").click();
    await page.shows("dialog", "asking what it would do");
    await keyboard.press("Enter");
    await keyboard.press("Escape");
    await page.lacks("dialog");
    await page.find(".drawer button", "disable").click();
    await page.shows("dialog", preview);
    late.resolve();
    await keyboard.press("Enter");
    await page.lacks("dialog");
    assert.deepEqual(done(made), [["POST", "/v1/backends/b1/disable", {}]]);
  },
);

for (const nonsense of [7, {}, { frontends: 7, replaced: 1 }, { frontends: [7, {}], replaced: {} }]) {
  browserTest(
    `a preview that is nonsense is shown as far as it can be: ${JSON.stringify(nonsense)}`,
    async () => {
      await using made = site("up", 1);
      made.answers.set("POST /v1/backends/b1/pause", backend("b1", { consequences: nonsense }));
      await using page = await DashboardPage.open(made.api, {
        path: "/#token=operator",
        expected: /status of 40[134]/,
      });
      await page.find("#row-b1 button.link").first().click();
      await page.find(".drawer button", "pause").click();
      await page.shows("dialog button", "do it");
      await page.find("dialog button", "do it").click();
      await page.lacks("dialog");
      assert.deepEqual(done(made), [["POST", "/v1/backends/b1/pause", {}]]);
    },
  );
}

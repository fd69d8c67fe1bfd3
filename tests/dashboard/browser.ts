/**
 * A real browser before the dashboard: Debian's Chromium, driven by playwright-core.
 *
 * One browser serves all tests of a file; each page has its own context, so that tokens and settings are its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { sawAll, titled } from "./in_page.js";

const executablePath = "/usr/bin/chromium";
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Longest wait for anything on a page, in ms; a loaded machine must not fail a test. */
const patienceMs = 60_000;

async function isMissing(): Promise<boolean> {
  try {
    await Deno.stat(executablePath);
    return false;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return true;
  }
}

const missing = await isMissing();
let shared: Promise<Browser> | null = null;

/** Ends the browser; the next page starts another one. */
export async function closeBrowser(): Promise<void> {
  const browser = await shared;
  shared = null;
  await browser?.close();
}

Deno.test.afterAll(closeBrowser);

/** A test that needs a browser. It is skipped, with the reason in its name, where there is none. */
export function browserTest(name: string, run: () => Promise<void>): void {
  Deno.test({
    name: missing ? `${name} (skipped: ${executablePath} is not installed)` : name,
    ignore: missing,
    // The browser is shared: its pipes are open before and after a test.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: run,
  });
}

/** How to open a page. */
export interface OpenOptions {
  /** Path, query and fragment after the API's address; default `/`. */
  readonly path?: string;
  /** Size, colours, JavaScript and the like. */
  readonly context?: BrowserContextOptions;
  /** Messages of the console that the test expects, e.g. of a request that is refused. */
  readonly expected?: RegExp;
  /** Runs in the page before its own script. */
  readonly before?: string;
  /** The page's clock is the test's: `page.clock` moves it. */
  readonly clock?: boolean;
}

/** A page of the dashboard. Its disposal fails the test where the page complained or asked another host. */
export class DashboardPage implements AsyncDisposable {
  /** What the console said that nobody expected. */
  readonly complaints: string[] = [];

  private constructor(
    /** The page as playwright has it. */
    readonly page: Page,
    private readonly origin: string,
  ) {}

  /** Opens the dashboard of the daemon whose API is at `api`. */
  static async open(
    api: string,
    { before, clock = false, context, expected, path = "/" }: OpenOptions = {},
  ): Promise<DashboardPage> {
    shared ??= chromium.launch({ executablePath, args, timeout: patienceMs });
    const made = await (await shared).newContext({ viewport: { width: 1280, height: 800 }, ...context });
    made.setDefaultTimeout(patienceMs);
    const page = await made.newPage();
    const opened = new DashboardPage(page, new URL(api).origin);
    const complain = (text: string) => {
      if (expected?.test(text) !== true) opened.complaints.push(text);
    };
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complain(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => complain(`exception: ${error.name} ${error.message} ${error.stack}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && url.origin !== opened.origin) complain(`asked ${request.url()}`);
    });
    if (before !== undefined) await made.addInitScript(before);
    if (clock) await made.clock.install();
    await page.goto(`${api}${path}`);
    return opened;
  }

  /** Elements by a CSS selector. */
  find(selector: string, text?: string | RegExp): Locator {
    return this.page.locator(selector, text === undefined ? {} : { hasText: text });
  }

  /** Resolves when an element with this selector, and this text, is shown. */
  async shows(selector: string, text?: string | RegExp, limitMs = patienceMs): Promise<void> {
    await this.find(selector, text).first().waitFor({ state: "visible", timeout: limitMs });
  }

  /** Resolves when no such element is there. */
  async lacks(selector: string, text?: string | RegExp): Promise<void> {
    await this.find(selector, text).first().waitFor({ state: "detached" });
  }

  /** Resolves when `watch` saw all of these, with when each was first shown by the page's clock. */
  async saw(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const found = await this.page.waitForFunction(sawAll, [...names], { polling: 50, timeout: patienceMs });
    return await found.jsonValue() as Record<string, number>;
  }

  /** Resolves when this is the title of the page. */
  async isTitled(title: RegExp): Promise<void> {
    await this.page.waitForFunction(titled, title.source, { polling: 50, timeout: patienceMs });
  }

  /** Fails where the page complained. */
  assertQuiet(): void {
    assert.deepEqual(this.complaints, []);
  }

  /** Closes the page and fails where it complained. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    this.assertQuiet();
  }
}

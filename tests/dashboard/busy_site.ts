/** A site that shows everything that a page can show at once. */
import type { DashboardPage } from "./browser.ts";
import { backend, FakeSite } from "./fake_site.ts";
import { runAxe } from "./in_page.js";

/** When all of it began. */
export const at = "2026-01-31T12:00:00.000Z";

/** Everything that a page can show at once. */
export function busySite(): FakeSite {
  const site = new FakeSite([
    backend("b1"),
    backend("b2", {
      state: "down",
      health: { counter: 0, rise: 2, fall: 3, max: 4, degraded: false },
      last_probe: null,
    }),
    backend("b3", { state: "paused", override: override("o1", "pause", "b3") }),
    backend("b4", { state: "disabled", health: null, healthcheck: null, latency: null }),
    backend("b5", { state: "unknown" }),
  ]);
  const problems = [
    {
      severity: "critical",
      kind: "vpp-gone",
      object: "vpp",
      text: "VPP is gone",
      fix: null,
      show: "show vpp info",
    },
    {
      severity: "warning",
      kind: "backend-down",
      object: "b2",
      text: "b2 is down: L4CON",
      fix: null,
      show: "show backend b2",
    },
    {
      severity: "info",
      kind: "paused",
      object: "b3",
      text: "b3 is paused by alice",
      fix: "set backend b3 resume",
      show: null,
    },
  ].map((one) => ({ ...one, since: at }));
  site.answers.set("GET /v1/problems", { problems, critical: 1, warnings: 1 });
  site.answers.set("GET /v1/overrides", { overrides: [override("o1", "pause", "b3")] });
  site.answers.set("GET /v1/vpp/lb/counters", {
    read_at: at,
    unmatched: 0,
    vips: [{
      frontend: "www",
      prefix: "198.51.100.1/32",
      protocol: "tcp",
      port: 80,
      next: 5,
      first: 5,
      untracked: 0,
      no_server: 0,
      packets: 10,
      bytes: 1000,
    }],
    servers: [{ address: "192.0.2.1", backend: "b1", packets: 10, bytes: 1000, vips: [] }],
  });
  site.answers.set("GET /v1/journal", {
    entries: [{
      seq: 1,
      at,
      kind: "sync",
      backend: null,
      frontend: "www",
      by: null,
      claimed: null,
      reason: "b2 is down",
      text: "www: b2 100 → 0",
      data: {},
      chain: null,
    }],
    before: null,
    oldest: at,
    dropped: 0,
  });
  return site;
}

/** An override. */
export function override(id: string, kind: string, name: string): Record<string, unknown> {
  return {
    id,
    kind,
    backend: name,
    frontend: null,
    pool: null,
    weight: null,
    by: "alice",
    claimed: null,
    reason: "new kernel",
    since: at,
    until: null,
    file_value: true,
    scope: "here",
    sleeping: null,
  };
}

/** Resolves when every region of the busy site is there, not only the first that was answered. */
export async function isWhole(page: DashboardPage): Promise<void> {
  for (const part of ["#row-b5", "#problems li", "#overrides li", "#frontends .card", "#vpp summary"]) {
    await page.shows(part);
  }
}

/** Violations of a kind that matters, as text. */
export async function violations(page: DashboardPage): Promise<string[]> {
  const found = await page.page.evaluate(runAxe);
  return found.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.join(" | ")}`);
}

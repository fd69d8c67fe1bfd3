import assert from "node:assert/strict";
import { emptyModel, type Model } from "../../src/dashboard/state/model.ts";
import { readinessOf } from "../../src/dashboard/state/readiness.ts";
import {
  acceptBackends,
  acceptFrontends,
  acceptInfo,
  acceptProblems,
} from "../../src/dashboard/state/shapes.ts";
import { backend, frontend } from "./fake_site.ts";

/** A daemon of which everything is well, with what a case changes. */
function model(
  { blind = null, kinds = [], phase = "done", vip = "in-sync", ...more }: Partial<Model> & {
    readonly blind?: unknown;
    readonly kinds?: readonly string[];
    readonly phase?: string;
    readonly vip?: string;
  },
): Model {
  const backends = acceptBackends({ backends: [backend("b1", { blind })] });
  const frontends = acceptFrontends({ frontends: [frontend("www", backends, { vpp: vip })] });
  return {
    ...emptyModel,
    info: acceptInfo({ warmup: { phase } }),
    link: "connected",
    backends: new Map(backends.map((one) => [one.name, one])),
    frontends: new Map(frontends.map((one) => [one.name, one])),
    problems: acceptProblems({ problems: kinds.map((kind) => ({ kind, object: "www" })) }),
    ...more,
  };
}

Deno.test("a peer's readiness is told in the words of /readyz, of what /v1 tells", () => {
  const cases: [Parameters<typeof model>[0], string | undefined, string | undefined][] = [
    [{}, "in-sync", "running"],
    [{ vip: "pending" }, "in-sync", "running"],
    [{ link: "off" }, "off", "running"],
    [{ link: "disconnected" }, "disconnected", "running"],
    [{ link: "disconnected", kinds: ["vpp-refused"] }, "refused", "running"],
    [{ phase: "hold" }, "warming-up", "running"],
    [{ kinds: ["out-of-sync"] }, "out-of-sync", "running"],
    [{ kinds: ["held"] }, "out-of-sync", "running"],
    [{ vip: "error" }, "out-of-sync", "running"],
    [{ problems: null }, "in-sync", "running"],
    [{ blind: { since: "2026-01-31T12:00:00Z", detail: "no right" } }, "in-sync", "blind"],
    [{ link: null }, undefined, undefined],
    [{ info: null }, undefined, undefined],
  ];
  for (const [given, vpp, probes] of cases) {
    const ready = readinessOf(model(given));
    assert.deepEqual([ready?.vpp, ready?.probes], [vpp, probes], JSON.stringify(given));
    assert.equal(ready?.ready ?? false, probes === "running" && (vpp === "in-sync" || vpp === "off"));
  }
});

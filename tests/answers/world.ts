/** A world in which everything is wrong at once, and a healthy one. */
import type { BackendFacts, FrontendFacts, Known } from "../../src/answers/known.ts";
import type { Override } from "../../src/api/mod.ts";
import type { IpAddress, State, Transition } from "../../src/model.ts";
import type { Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";

/** The moment. */
export const now = Date.parse("2026-01-31T12:00:00.000Z");

const minute = 60_000;
const day = 86_400_000;

/** A transition into a state. */
export function transition(backend: string, to: State, parts: Partial<Transition> = {}): Transition {
  return {
    backend,
    from: "up",
    to,
    at: now - 5 * minute,
    code: "L4CON",
    detail: "connection refused",
    by: null,
    effects: [],
    ...parts,
  };
}

/** A backend that is up and well. */
export function backend(name: string, parts: Partial<BackendFacts> = {}): BackendFacts {
  return {
    name,
    state: "up",
    since: now - day,
    newest: transition(name, "up", { code: "L7OK", detail: "HTTP 200" }),
    blind: null,
    void: null,
    previous: null,
    flapping: null,
    certificateEnd: null,
    ...parts,
  };
}

/** A frontend that is up in its first pool. */
export function frontend(
  name: string,
  pools: Readonly<Record<string, Readonly<Record<string, number>>>>,
  parts: Partial<FrontendFacts> = {},
): FrontendFacts {
  const configured: Frontend = {
    name,
    description: "",
    address: address("192.0.2.1"),
    protocol: "tcp",
    port: 80,
    pools: Object.entries(pools).map(([pool, members]) => ({
      name: pool,
      members: Object.entries(members).map(([member, weight]) => ({ backend: member, weight })),
    })),
    srcIpSticky: false,
    flushOnDown: true,
    newFlowsTableLength: 1024,
    newFlowsTableLengthAuto: true,
  };
  return {
    frontend: configured,
    state: "up",
    since: now - day,
    activePool: Object.keys(pools)[0] ?? "",
    poolSince: now - day,
    withoutEffect: null,
    ...parts,
  };
}

/** An address. */
export function address(text: string): IpAddress {
  return ip(text);
}

/** An override. */
export function override(id: string, parts: Partial<Override> = {}): Override {
  return {
    id,
    kind: "pause",
    backend: "b1",
    frontend: null,
    pool: null,
    weight: null,
    by: "alice",
    claimed: null,
    reason: null,
    since: new Date(now - 2 * day).toISOString(),
    until: null,
    file_value: null,
    scope: "here",
    sleeping: null,
    ...parts,
  };
}

/** A world in which nothing is wrong. */
export function healthy(parts: Partial<Known> = {}): Known {
  return {
    now,
    backends: [backend("b1"), backend("b2")],
    probed: 2,
    frontends: [frontend("web", { main: { b1: 100, b2: 100 } })],
    vpp: {
      link: "connected",
      since: now - day,
      reason: "",
      warmup: null,
      outOfSync: [],
      drift: [],
      held: [],
    },
    files: { config: null, kept: [] },
    overrides: [],
    memory: { disk: null, journal: null, clock: null },
    fleet: { store: null, nodes: [] },
    ...parts,
  };
}

const blind = {
  since: now - 2 * minute,
  cause: "permission" as const,
  detail: "raw socket: EPERM",
};

/**
 * Everything that can be wrong together. VPP is either gone or refused, so there are two worlds; and where all probes
 * are blind there is nothing else to probe.
 */
export const everything: Readonly<Record<"connected" | "gone" | "refused", Known>> = (() => {
  const connected = healthy({
    backends: [
      backend("blind", { blind }),
      backend("cert", { certificateEnd: now + 3 * day + minute }),
      backend("down", { state: "down", since: now - 5 * minute, newest: transition("down", "down") }),
      backend("flap", { state: "down", since: now - minute, flapping: now - 8 * minute }),
      backend("moved", {
        state: "unknown",
        previous: address("198.51.100.9"),
        blind: { ...blind, since: now - 3 * minute },
      }),
      backend("off", {
        state: "disabled",
        newest: transition("off", "disabled", {
          code: "disabled",
          detail: "disabled by operator",
          by: "bob",
        }),
      }),
      backend("paused", {
        state: "paused",
        newest: transition("paused", "paused", { code: "paused", detail: "paused by operator", by: "alice" }),
      }),
      backend("void", {
        void: { cause: "ports", detail: "no source port is free", since: now - 10_000, count: 4 },
      }),
    ],
    probed: 7,
    frontends: [
      frontend("dead", { main: { down: 100, off: 100, cert: 0 } }, {
        state: "down",
        since: now - 5 * minute,
      }),
      frontend("second", { main: { down: 100 }, spare: { cert: 100 } }, {
        activePool: "spare",
        poolSince: now - 5 * minute,
      }),
      frontend("short", { main: { cert: 1, void: 100 } }, {
        withoutEffect: { since: now - 7 * day, backends: ["cert"] },
      }),
    ],
    vpp: {
      link: "connected",
      since: now - day,
      reason: "",
      warmup: { since: now - 10_000, endsAt: now + 20_000, heldFrontends: ["second"] },
      outOfSync: [{
        object: "short",
        since: now - 4 * minute,
        detail: "addition of server 198.51.100.2 (cert): NO_SUCH_FIB (-3)",
      }],
      drift: [{
        object: "second",
        since: now - 1000,
        detail: "server 198.51.100.2 (cert) has weight 5 instead of 100",
      }],
      held: [
        {
          why: "mass deletion",
          memory: false,
          since: now - 6 * minute,
          changes: 3,
          vips: ["192.0.2.7/32 tcp 80", "192.0.2.8/32 tcp 80", "192.0.2.9/32 tcp 80"],
          detail: "",
          digest: "5f2b1c0a9d3e4f60",
        },
        {
          why: "VPP memory",
          memory: true,
          since: now - 6 * minute,
          changes: 1,
          vips: [],
          detail:
            "needs 256 MiB of VPP's main heap, where 300 MiB of 1,024 MiB are free and a fifth must stay so",
          digest: "5f2b1c0a9d3e4f60",
        },
      ],
    },
    files: {
      config: {
        kind: "file-differs",
        path: "/etc/vpp-maglev/maglev.yaml",
        since: now - 3 * minute,
        detail: "2 changes",
      },
      kept: [{ object: "/etc/vpp-maglev/ca.pem", since: now - 9 * minute, detail: "the file is empty" }],
    },
    overrides: [
      override("o1", { kind: "weight", backend: "cert", frontend: "second", pool: "spare", weight: 20 }),
      override("o2", { reason: "kernel update", until: new Date(now + 5 * minute).toISOString() }),
    ],
    memory: {
      disk: { since: now - minute, detail: "state.json cannot be written: no space left on device" },
      journal: { since: now - minute, detail: "the journal is not written: disk I/O error" },
      clock: { since: now - minute, detail: "the clock jumped by 75 s" },
    },
    fleet: {
      store: { since: now - 2 * minute, detail: "connection refused" },
      nodes: [{ object: "lb2", since: now - 3 * minute, detail: "lb2 has another configuration" }],
    },
  });
  const lone = { backends: [backend("b1", { blind })], probed: 1, frontends: [] };
  const gone = healthy({
    ...lone,
    vpp: {
      ...connected.vpp,
      link: "disconnected",
      since: now - 30_000,
      reason: "connection refused",
      warmup: null,
      outOfSync: [],
      drift: [],
      held: [],
    },
    files: {
      config: {
        kind: "file-refused",
        path: "/etc/vpp-maglev/maglev.yaml",
        since: now - 3 * minute,
        detail: "maglev.yaml:7:5: maglev.backends.b1.address: is missing",
      },
      kept: [],
    },
  });
  const refused = {
    ...gone,
    vpp: { ...gone.vpp, link: "refused" as const, reason: "VPP 22.02 lacks lb_conf_get" },
  };
  return { connected, gone, refused };
})();

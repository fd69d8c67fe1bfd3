import type * as api from "../src/api/mod.ts";
import type { Announcement } from "../src/bus/mod.ts";
import type { Control } from "../src/control.ts";

function backendState(backend: api.Backend): Announcement {
  const newest = backend.transitions[0];
  return {
    kind: "backend",
    backend: backend.name,
    frontends: [...new Set(backend.frontends.map((membership) => membership.frontend))],
    transition: {
      from: backend.state,
      to: backend.state,
      at: backend.since,
      at_unix_ns: newest?.at_unix_ns ?? `${Date.parse(backend.since)}000000`,
      code: newest?.code ?? (backend.healthcheck === null ? "static" : "reload"),
      detail: newest?.detail ?? "",
      by: newest?.by ?? null,
      effects: [],
    },
  };
}

function frontendState(frontend: api.Frontend): Announcement {
  const active = frontend.pools.find((pool) => pool.active) ?? frontend.pools[0];
  return {
    kind: "frontend",
    frontend: frontend.name,
    from: frontend.state,
    to: frontend.state,
    active_pool: active?.name ?? "",
    reason: "present state",
  };
}

function vppState(control: Control): Announcement {
  const { vpp } = control.ready();
  const info = control.vppInfo();
  const link = vpp === "off" ? "off" : info.ok ? "connected" : "disconnected";
  return { kind: "vpp", from: link, to: link, reason: "present state", info: info.ok ? info.value : null };
}

/** The present state as events with from = to: every backend, every frontend, VPP. */
export function presentState(control: Control): Announcement[] {
  return [
    ...control.backends().map(backendState),
    ...control.frontends().map(frontendState),
    vppState(control),
  ];
}

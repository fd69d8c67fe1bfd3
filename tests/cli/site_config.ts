/** The configuration of the site of `site.ts`, and what checks and reloads of it say. */
import type * as api from "../../src/api/mod.ts";
import { syncResult } from "./site_vpp.ts";

/** GET /v1/config */
export const config: api.Config = {
  maglev: {
    healthchecker: { "transition-history": 5, netns: "" },
    vpp: {
      lb: {
        "sync-interval": "30s",
        "ipv4-src-address": "192.0.2.254",
        "ipv6-src-address": "2001:db8::fe",
        "sticky-buckets-per-core": 65536,
      },
    },
    healthchecks: {
      web: {
        type: "https",
        port: 8443,
        params: {
          "response-code": "200-299",
          "response-regexp": "^ready$",
          headers: { authorization: "***" },
        },
      },
    },
    backends: { web1: { address: "10.0.0.11", healthcheck: "web", enabled: true } },
    frontends: {
      www: {
        description: "the shop: with a spare",
        address: "192.0.2.1",
        protocol: "tcp",
        port: 443,
        pools: [
          { name: "primary", backends: { web1: { weight: 100 }, web2: { weight: 50 } } },
          { name: "fallback", backends: {} },
        ],
      },
    },
  },
};

/** Errors and a warning, as the checker words them. */
export const badCheck: api.ConfigCheck = {
  ok: false,
  parse_error: "",
  semantic_error: "maglev.frontends.www.port: must be 1 to 65535",
  errors: [{
    severity: "error",
    pass: "semantic",
    file: "<body>",
    line: 31,
    column: 13,
    path: "maglev.frontends.www.port",
    message: "must be 1 to 65535",
    hint: null,
  }, {
    severity: "error",
    pass: "structural",
    file: "<body>",
    line: 40,
    column: 7,
    path: "maglev.backends.web1.adress",
    message: "unknown key",
    hint: 'did you mean "address"?',
  }],
  warnings: [{
    severity: "warning",
    pass: "lint",
    file: "<body>",
    line: 12,
    column: 5,
    path: "maglev.healthchecks.dns",
    message: "no backend uses it",
    hint: null,
  }],
};

/** POST /v1/config/reload */
export const reload: api.ConfigReload = {
  ok: true,
  parse_error: "",
  semantic_error: "",
  errors: [],
  warnings: [],
  changes: [
    {
      object: "backend",
      name: "web4",
      change: "added",
      fields: [],
      effect: "started in unknown, probed at once",
    },
    {
      object: "healthcheck",
      name: "web",
      change: "changed",
      fields: ["interval", "params.path"],
      effect: "the new check is probed at once; state and history stay",
    },
    { object: "frontend", name: "legacy", change: "removed", fields: [], effect: "deleted from VPP" },
  ],
  sync: { ...syncResult, done: 3, skipped: 0 },
};

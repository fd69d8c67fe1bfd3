import { createRoute, z } from "@hono/zod-openapi";
import { readText } from "./body.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import {
  changeErrors,
  dryRun,
  json,
  problems,
  readErrors,
  security,
  unwrap,
  unwrapChange,
} from "./operation.ts";
import { Info } from "./schemas.ts";
import { Config, ConfigCheck, ConfigReload } from "./schemas_config.ts";

const tags = ["configuration"];
const yamlTypes = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];

const getInfo = createRoute({
  method: "get",
  path: "/v1/info",
  operationId: "getInfo",
  summary: "Version, uptime, listeners and warm-up of this daemon",
  tags: ["daemon"],
  security,
  responses: { 200: json(Info, "the daemon", examples.info), ...problems(...readErrors) },
});

const getConfig = createRoute({
  method: "get",
  path: "/v1/config",
  operationId: "getConfig",
  summary: "The running configuration, defaults filled in",
  tags,
  security,
  responses: { 200: json(Config, "the file's own keys", examples.config), ...problems(...readErrors) },
});

const checkConfig = createRoute({
  method: "post",
  path: "/v1/config/check",
  operationId: "checkConfig",
  summary: "Check the configuration file, or a body of YAML",
  description:
    "Answers 200 whenever something was judged; `ok` says how. Files that a body names are not looked at.",
  tags,
  security,
  request: {
    body: {
      required: false,
      content: {
        "application/yaml": { schema: z.string(), example: "maglev:\n  frontends: {}\n" },
      },
    },
  },
  responses: {
    200: json(ConfigCheck, "every error and warning, with its place", examples.configCheck),
    ...problems(...changeErrors, "busy"),
  },
});

const reloadConfig = createRoute({
  method: "post",
  path: "/v1/config/reload",
  operationId: "reloadConfig",
  summary: "Run the configuration file as it is now",
  description: "Checked first: on any error nothing changes.",
  tags,
  security,
  request: { query: z.object({ dry_run: dryRun }) },
  responses: {
    200: json(ConfigReload, "what changed", examples.configReload),
    ...problems(...changeErrors, "busy"),
  },
});

/** Mounts /v1/info and /v1/config. */
export function mountConfig(app: Api, { control, log }: ApiOptions): void {
  app.openapi(getInfo, (c) => c.json({ ...control.info(), you: c.get("who") }, 200));
  app.openapi(getConfig, (c) => c.json(control.config(), 200));
  app.openapi(checkConfig, async (c) => {
    const text = await readText(c.req.raw, yamlTypes);
    return c.json(unwrap(await control.checkConfig(text === "" ? null : text)), 200);
  });
  app.openapi(
    reloadConfig,
    async (c) => {
      const tried = c.req.valid("query").dry_run === "true";
      const result = await control.reload(c.get("actor"), tried);
      return c.json(tried ? unwrap(result).value : unwrapChange(c, log, result), 200);
    },
  );
}

import { createRoute, z } from "@hono/zod-openapi";
import type { TableQuery } from "../src/control.ts";
import { parseIp } from "../src/net/ip.ts";
import { notFound } from "./backends.ts";
import { jsonBody } from "./body.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import * as vppExamples from "./examples_vpp.ts";
import {
  changeErrors,
  dryRun,
  json,
  nameParameter,
  problems,
  readErrors,
  security,
  unwrap,
  unwrapChange,
} from "./operation.ts";
import { finding, ProblemError } from "./problem.ts";
import { Frontend, FrontendList, SetWeight, Table, Whereis } from "./schemas.ts";
import { State } from "./schemas_base.ts";

const frontendName = z.object({ name: nameParameter("name", "frontend", "web") });

const listFrontends = createRoute({
  method: "get",
  path: "/v1/frontends",
  operationId: "listFrontends",
  summary: "All frontends, in the file's order",
  tags: ["frontends"],
  security,
  responses: {
    200: json(FrontendList, "the frontends", { frontends: [examples.frontend] }),
    ...problems(...readErrors),
  },
});

const getFrontend = createRoute({
  method: "get",
  path: "/v1/frontends/{name}",
  operationId: "getFrontend",
  summary: "One frontend with its pools and the weights in effect",
  tags: ["frontends"],
  security,
  request: { params: frontendName },
  responses: {
    200: json(Frontend, "the frontend", examples.frontend),
    ...problems(...readErrors, "not-found"),
  },
});

const setWeight = createRoute({
  method: "put",
  path: "/v1/frontends/{frontend}/pools/{pool}/backends/{backend}/weight",
  operationId: "setWeight",
  summary: "Set a weight in the running configuration",
  description:
    "The VIP is synced at once, and the answer comes when VPP was told or cannot be told now: `vpp` is then " +
    "`pending` (or `off`). It outlives reloads and restarts until the file's own weight changes.",
  tags: ["frontends"],
  security,
  middleware: [jsonBody(null)] as const,
  request: {
    params: z.object({
      frontend: nameParameter("frontend", "frontend", "web"),
      pool: nameParameter("pool", "pool", "main"),
      backend: nameParameter("backend", "backend", "b2"),
    }),
    query: z.object({ dry_run: dryRun }),
    body: {
      required: true,
      content: { "application/json": { schema: SetWeight, example: { weight: 50, flush: false } } },
    },
  },
  responses: {
    200: json(Frontend, "the frontend with the new weight", examples.frontend),
    ...problems(...changeErrors, "not-found", "conflict"),
  },
});

/** `name:value` pairs of a repeatable parameter. */
const pairs = (name: string, example: string) =>
  z.union([z.string(), z.array(z.string())]).optional().openapi({
    type: "array",
    items: { type: "string" },
    param: {
      name,
      in: "query",
      description: `repeatable, e.g. \`${example}\``,
      style: "form",
      explode: true,
    },
    example: [example],
  });

const getTable = createRoute({
  method: "get",
  path: "/v1/frontends/{name}/table",
  operationId: "getTable",
  summary: "The new-flow table as VPP would compute it",
  description: "With `state` or `weight` the table under these assumptions, which change nothing.",
  tags: ["frontends"],
  security,
  request: {
    params: frontendName,
    query: z.object({
      state: pairs("state", "b2:up"),
      weight: pairs("weight", "b2:50"),
      buckets: z.enum(["true", "false"]).optional().openapi({
        param: { name: "buckets", in: "query", description: "list the server of every bucket" },
      }),
    }),
  },
  responses: {
    200: json(Table, "shares of every server", vppExamples.table),
    ...problems(...readErrors, "not-found"),
  },
});

const getWhereis = createRoute({
  method: "get",
  path: "/v1/frontends/{name}/whereis",
  operationId: "whereis",
  summary: "Which server a new flow of a client gets",
  tags: ["frontends"],
  security,
  request: {
    params: frontendName,
    query: z.object({
      client: z.string().openapi({
        param: { name: "client", in: "query", description: "the client's address" },
        example: "192.0.2.7",
      }),
      client_port: z.string().optional().openapi({
        type: "integer",
        minimum: 1,
        maximum: 65535,
        param: {
          name: "client_port",
          in: "query",
          description: "the client's port; may be left out for a src-ip-sticky frontend",
        },
        example: 40000,
      }),
    }),
  },
  responses: {
    200: json(Whereis, "the server, now and after the next sync", vppExamples.whereis),
    ...problems(...readErrors, "not-found"),
  },
});

function invalid(path: string, message: string, hint: string | null = null): ProblemError {
  return new ProblemError("invalid", `${path}: ${message}`, {
    errors: [finding(path, message, hint, "semantic")],
  });
}

function readPairs<T>(
  path: string,
  texts: string | readonly string[] | undefined,
  members: ReadonlySet<string>,
  read: (value: string) => T | null,
  wanted: string,
): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const text of typeof texts === "string" ? [texts] : texts ?? []) {
    const colon = text.lastIndexOf(":");
    const name = text.slice(0, Math.max(colon, 0));
    if (!members.has(name)) {
      throw invalid(
        path,
        `"${text}" names no backend of the frontend`,
        `<backend>:<value>; one of ${[...members].join(", ")}`,
      );
    }
    const value = read(text.slice(colon + 1));
    if (value === null) throw invalid(path, `"${text}" has no ${wanted} after the colon`);
    found.set(name, value);
  }
  return found;
}

function readPort(text: string | undefined): number | null {
  if (text === undefined) return null;
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port < 1 || port > 65535) {
    throw invalid("client_port", "must be 1 to 65535");
  }
  return port;
}

/** Mounts /v1/frontends. */
export function mountFrontends(app: Api, { control, log }: ApiOptions): void {
  const find = (name: string) => {
    const found = control.frontend(name);
    if (found === null) throw notFound("frontend", name, control.frontends().map((f) => f.name));
    return found;
  };

  app.openapi(listFrontends, (c) => c.json({ frontends: control.frontends() }, 200));
  app.openapi(getFrontend, (c) => c.json(find(c.req.valid("param").name), 200));

  app.openapi(setWeight, async (c) => {
    const { frontend, pool, backend } = c.req.valid("param");
    const { pools } = find(frontend);
    const members = pools.find((p) => p.name === pool)?.backends;
    if (members === undefined) {
      throw notFound(
        "pool",
        pool,
        pools.map((p) => p.name),
        `in frontend ${frontend}`,
      );
    }
    const names = members.map((member) => member.name);
    if (!names.includes(backend)) {
      throw notFound("backend", backend, names, `in pool ${pool} of frontend ${frontend}`);
    }
    const request = c.req.valid("json");
    const tried = c.req.valid("query").dry_run === "true";
    const result = await control.setWeight(frontend, pool, backend, request, c.get("actor"), tried);
    return c.json(tried ? unwrap(result).value : unwrapChange(c, log, result, request.reason), 200);
  });

  app.openapi(getTable, async (c) => {
    const { name } = c.req.valid("param");
    const { state, weight, buckets } = c.req.valid("query");
    const members = new Set(find(name).pools.flatMap((pool) => pool.backends.map((backend) => backend.name)));
    const query: TableQuery = {
      states: readPairs("state", state, members, (text) => State.safeParse(text).data ?? null, "state"),
      weights: readPairs("weight", weight, members, (text) => {
        const value = Number(text);
        return /^[0-9]{1,3}$/.test(text) && value <= 100 ? value : null;
      }, "weight 0 to 100"),
      buckets: buckets === "true",
    };
    return c.json(unwrap(await control.table(name, query)), 200);
  });

  app.openapi(getWhereis, async (c) => {
    const { name } = c.req.valid("param");
    const { client, client_port } = c.req.valid("query");
    const found = find(name);
    const address = parseIp(client);
    if (address === null) throw invalid("client", `"${client}" is no IP address`);
    const port = readPort(client_port);
    if (address.includes(":") !== found.address.includes(":")) {
      throw invalid("client", `must be of the same family as the frontend's address ${found.address}`);
    }
    if (port === null && !found.src_ip_sticky) {
      throw invalid("client_port", "is missing; the frontend hashes on the port too");
    }
    return c.json(unwrap(await control.whereis(name, address, port)), 200);
  });
}

/**
 * What a refusal means in maglevc's own words: the name that was probably meant and where it is, and the arguments of
 * the command instead of the keys of the API.
 *
 * @module
 */
import type { Finding, Frontend } from "../api/mod.ts";
import { nearest } from "../config/nearest.ts";
import { couldBeName } from "./clean.ts";
import type { Client } from "./client.ts";
import type { Shape } from "./shape.ts";
import { backendList, frontendList, healthcheckList } from "./shapes/mod.ts";

/** Arguments of a command by name, as far as they were given. */
export type Values = (name: string) => string | null;

/** Names beyond this are not listed in a sentence. */
const fewNames = 8;

/** A backend that an assumption is about, and that is no member of the frontend. */
function notMember(values: Values, message: string): string {
  if (!message.endsWith("names no backend of the frontend")) return message;
  return `backend ${values("backend")} is in no pool of frontend ${values("frontend")}`;
}

/** A key of the API whose refusal has a sentence of its own. */
const sentences: Readonly<Record<string, (values: Values, message: string) => string>> = {
  state: (values, message) => notMember(values, message),
  weight: (values, message) => notMember(values, message),
  client_port: (values) => `give the client's port: whereis ${values("client")} <port> ${values("frontend")}`,
};

/** Keys of the API that are other words in maglevc. */
const words: Readonly<Record<string, string>> = {
  client_port: "port",
  plan_digest: "plan",
  for_ns: "for",
};

/** The findings of a refused request, in the words of the command; null where they are not about the request. */
export function refusalText(errors: readonly Finding[], values: Values): string | null {
  if (errors.length === 0 || errors.some(({ file }) => file !== null)) return null;
  return errors.map(({ path, message }) => {
    const sentence = Object.hasOwn(sentences, path) ? sentences[path] : undefined;
    if (sentence !== undefined) return sentence(values, message);
    const word = Object.hasOwn(words, path) ? words[path] : path.replaceAll("_", "-");
    return word === "" || word === undefined || message.startsWith(`${path}: `)
      ? message
      : `${word}: ${message}`;
  }).join("\n");
}

/** The nearest name, else all of a few. */
function meant(kind: string, name: string, known: readonly string[]): string | null {
  const names = known.filter(couldBeName);
  const near = nearest(name, names);
  if (near !== null) return `did you mean ${kind} ${near}?`;
  return names.length > 0 && names.length <= fewNames ? `there are: ${names.join(", ")}` : null;
}

/** Where a backend of a frontend is that is not in the pool that was named. */
function backendHint(name: string, pool: string, frontend: Frontend, all: readonly string[]): string | null {
  const home = frontend.pools.find(({ backends }) => backends.some((backend) => backend.name === name));
  if (home !== undefined) return `backend ${name} is in pool ${home.name} of frontend ${frontend.name}`;
  if (all.includes(name)) return `backend ${name} is in no pool of frontend ${frontend.name}`;
  const members = frontend.pools.find((candidate) => candidate.name === pool)?.backends ?? [];
  return meant("backend", name, members.map((member) => member.name));
}

/**
 * Which existing name was probably meant, after the server did not find one.
 *
 * @returns a sentence, or null where nothing is near, every name is there, or the server does not tell
 */
export async function nameHint(values: Values, client: Client, signal: AbortSignal): Promise<string | null> {
  const get = async <T>(path: string, shape: Shape<T>): Promise<T | null> => {
    const answer = await client.json({ path, signal, timeoutMs: 3_000 }, shape);
    return answer.ok ? answer.value.value : null;
  };
  const [frontendName, pool, backend, healthcheck] = ["frontend", "pool", "backend", "healthcheck"].map(
    values,
  );
  if (frontendName != null) {
    const { frontends } = await get("/v1/frontends", frontendList) ?? { frontends: [] };
    const frontend = frontends.find(({ name }) => name === frontendName);
    if (frontend === undefined) return meant("frontend", frontendName, frontends.map(({ name }) => name));
    if (pool == null) return null;
    const pools = frontend.pools.map(({ name }) => name);
    if (!pools.includes(pool)) return meant("pool", pool, pools);
    if (backend == null) return null;
    const { backends } = await get("/v1/backends", backendList) ?? { backends: [] };
    return backendHint(backend, pool, frontend, backends.map(({ name }) => name));
  }
  if (backend != null) {
    const { backends } = await get("/v1/backends", backendList) ?? { backends: [] };
    return backends.some(({ name }) => name === backend)
      ? null
      : meant("backend", backend, backends.map(({ name }) => name));
  }
  if (healthcheck == null) return values("id") === null ? null : "show overrides lists them";
  const { healthchecks } = await get("/v1/healthchecks", healthcheckList) ?? { healthchecks: [] };
  const known = healthchecks.map(({ name }) => name);
  return known.includes(healthcheck) ? null : meant("health check", healthcheck, known);
}

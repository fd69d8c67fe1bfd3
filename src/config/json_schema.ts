/**
 * The JSON Schema of the file, for editors. It is never stricter than the checker; the checker is the judge.
 *
 * @module
 */
import type { CheckType } from "../configuration.ts";
import { paramsSchemaFor } from "./params.ts";
import { DOCUMENT } from "./schema.ts";
import type { JsonSchema } from "./spec.ts";

const TYPES: readonly CheckType[] = ["icmp", "tcp", "http", "https"];

/** Keys that go together, by the path of their mapping. */
const TOGETHER: Readonly<Record<string, JsonSchema>> = {
  "maglev.frontends.*": { dependentRequired: { protocol: ["port"], port: ["protocol"] } },
  "maglev.healthchecks.*": { allOf: TYPES.map(rulesOfType) },
};

/** What the type of a health check says about its other keys. */
function rulesOfType(type: CheckType): JsonSchema {
  const needs = type === "icmp" ? { properties: { port: false } } : { required: ["port"] };
  const { properties, additionalProperties } = paramsSchemaFor(type);
  return {
    if: { properties: { type: { const: type } }, required: ["type"] },
    then: {
      allOf: [needs, {
        properties: { params: { properties: names(properties), additionalProperties } },
      }],
    },
  };
}

/** The same keys without what the table already says of them. */
function names(properties: unknown): JsonSchema {
  return Object.fromEntries(Object.keys(properties ?? {}).map((key) => [key, true]));
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Adds the rules of TOGETHER to a schema of a mapping and all mappings in it. */
function extend(schema: JsonSchema, path: string): JsonSchema {
  const { properties, additionalProperties, items, ...rest } = schema;
  const inside = (key: string) => path === "" ? key : `${path}.${key}`;
  return {
    ...rest,
    ...(isSchema(properties)
      ? {
        properties: Object.fromEntries(
          Object.entries(properties).map(([key, value]) => [
            key,
            isSchema(value) ? extend(value, inside(key)) : value,
          ]),
        ),
      }
      : {}),
    ...(additionalProperties === undefined ? {} : {
      additionalProperties: isSchema(additionalProperties)
        ? extend(additionalProperties, inside("*"))
        : additionalProperties,
    }),
    ...(isSchema(items) ? { items: extend(items, inside("*")) } : {}),
    ...TOGETHER[path],
  };
}

/** The schema as `maglevd --print-schema` prints it: the same text at every call. */
export function printSchema(): string {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "maglev.yaml",
    description: "Configuration of maglevd.",
    ...extend(DOCUMENT.schema, ""),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

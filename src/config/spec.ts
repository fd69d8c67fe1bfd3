/**
 * Building blocks of the configuration's table: each says how a value is read, what is wrong with it, and what
 * an editor should know of it (JSON Schema). Reading never stops at an error.
 *
 * @module
 */
import type { Findings, Place } from "./findings.ts";
import { didYouMean } from "./nearest.ts";
import { childPath, describe, type Entry, isNull, type Node, quote, type ScalarNode } from "./tree.ts";

/** A piece of JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** How one kind of value is read. */
export interface Spec<T> {
  /** With its article: `a duration`. */
  readonly expects: string;
  /** What an editor is told. */
  readonly schema: JsonSchema;
  /** The value; undefined if it cannot be used, which has then been reported. */
  read(node: Node, place: Place, out: Findings): T | undefined;
}

/** A value with the place to complain about. */
export interface Field<T> {
  /** With its default if the key is absent; undefined: absent without default, or unusable. */
  readonly value: T | undefined;
  /** Whether the key stands in the file. */
  readonly present: boolean;
  /** The value; of an absent key the parent. */
  readonly place: Place;
}

/** A key of a mapping. */
export interface Key<T> {
  /** How its value is read. */
  readonly spec: Spec<T>;
  /** Whether it must be there. */
  readonly required: boolean;
  /** The default as text of the file; null: none. */
  readonly fallback: string | null;
  /** The default's value. */
  readonly value: T | undefined;
  /** One sentence for editors and documents. */
  readonly about: string;
}

/** Makes a key that may be absent; then it has no value. */
export function optional<T>(spec: Spec<T>, about: string): Key<T> {
  return { spec, required: false, fallback: null, value: undefined, about };
}

/** Makes a key that must be there. */
export function required<T>(spec: Spec<T>, about: string): Key<T> {
  return { spec, required: true, fallback: null, value: undefined, about };
}

/** Makes a key with a default, given as value and as it would be written. */
export function withDefault<T>(spec: Spec<T>, value: T, fallback: string, about: string): Key<T> {
  return { spec, required: false, fallback, value, about };
}

/** The keys of a mapping. */
export type Shape = Readonly<Record<string, Key<unknown>>>;

/** What was read of a mapping: a field for every key of its shape. */
export type Fields<S extends Shape> = {
  readonly [K in keyof S]: Field<S[K] extends Key<infer T> ? T : never>;
};

/** Reports a value of the wrong kind, once. */
function wrongKind(expects: string, node: Node, place: Place, out: Findings): void {
  if (node.kind === "broken") {
    out.structure({ ...place, offset: node.offset }, node.message, node.hint);
    return;
  }
  const message = isNull(node)
    ? `has no value, expected ${expects}`
    : `expected ${expects}, found ${describe(node)}`;
  out.structure({ ...place, offset: node.offset }, message);
}

/** The entries of a mapping, none if it is written without a value; undefined for any other value. */
function entriesOf(node: Node, place: Place, out: Findings): readonly Entry[] | undefined {
  if (node.kind !== "map") {
    if (isNull(node)) return [];
    wrongKind("a mapping", node, place, out);
    return undefined;
  }
  for (const { key, offset, message, hint } of node.problems) {
    const path = key === null ? place.path : childPath(place.path, key);
    out.structure({ offset, path }, message, hint);
  }
  return node.entries;
}

/** A value without parts; `read` is only asked about scalars that are not null. */
export function scalar<T>(
  expects: string,
  schema: JsonSchema,
  read: (node: ScalarNode, place: Place, out: Findings) => T | undefined,
): Spec<T> {
  return {
    expects,
    schema,
    read(node, place, out) {
      if (node.kind === "scalar" && !isNull(node)) return read(node, place, out);
      wrongKind(expects, node, place, out);
      return undefined;
    },
  };
}

/** A spec with rules on top: `rule` sees usable values only and answers what is to be used. */
export function refine<T, U = T>(
  spec: Spec<T>,
  schema: JsonSchema,
  rule: (value: T, place: Place, out: Findings) => U | undefined,
): Spec<U> {
  return {
    expects: spec.expects,
    schema: { ...spec.schema, ...schema },
    read(node, place, out) {
      const value = spec.read(node, place, out);
      return value === undefined ? undefined : rule(value, place, out);
    },
  };
}

/** A spec of a mapping with known keys. */
export interface ObjectSpec<S extends Shape> extends Spec<Fields<S>> {
  /** Its keys. */
  readonly shape: S;
  /** What is read when the mapping is not there: defaults, and complaints about required keys. */
  absent(place: Place, out: Findings): Fields<S>;
}

/** How a mapping speaks of a key that it does not know. */
export interface UnknownKey {
  /** In the grammar of `Finding.message`. */
  readonly message: string;
  /** Null: the nearest known key, or all of them. */
  hint(key: string): string | null;
}

/** A mapping with known keys; one that is written without a value is empty. */
export function object<S extends Shape>(shape: S, unknown?: UnknownKey): ObjectSpec<S> {
  const names = Object.keys(shape);
  const mandatory = names.filter((name) => shape[name]?.required);
  const properties: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(shape)) {
    properties[name] = {
      description: key.about,
      ...key.spec.schema,
      ...(key.fallback === null ? {} : { default: plainValue(key.value) ?? key.fallback }),
    };
  }
  const readFields = (entries: Map<string, { node: Node; place: Place }>, place: Place, out: Findings) => {
    const fields: Record<string, Field<unknown>> = {};
    for (const [name, key] of Object.entries(shape)) {
      const entry = entries.get(name);
      if (entry !== undefined) {
        fields[name] = {
          value: key.spec.read(entry.node, entry.place, out),
          present: true,
          place: entry.place,
        };
        continue;
      }
      const path = `${place.below ?? ""}${name}`;
      const missing: Place = { ...place, order: `${place.order ?? place.path}.${name}` };
      // Of a document without its one key there is no more to say.
      if (isObjectSpec(key.spec) && place.path !== "") {
        const value = key.spec.absent({ ...missing, below: `${path}.` }, out);
        fields[name] = { value, present: false, place: missing };
        continue;
      }
      if (key.required && !out.damaged) out.semantic(missing, `required key "${path}" is missing`);
      fields[name] = { value: key.value, present: false, place: missing };
    }
    return fields as Fields<S>;
  };
  return {
    expects: "a mapping",
    shape,
    schema: {
      // A mapping without required keys may be written without a value.
      type: mandatory.length > 0 ? "object" : ["object", "null"],
      properties,
      ...(mandatory.length > 0 ? { required: mandatory } : {}),
      additionalProperties: false,
    },
    absent: (place, out) => readFields(new Map(), place, out),
    read(node, place, out) {
      const list = entriesOf(node, place, out);
      if (list === undefined) return undefined;
      const entries = new Map<string, { node: Node; place: Place }>();
      for (const { key, keyOffset, value } of list) {
        const path = childPath(place.path, key);
        if (Object.hasOwn(shape, key)) {
          // A mapping is pointed at by its key: that is where a missing key would have to go.
          const offset = value.kind === "map" ? keyOffset : value.offset;
          entries.set(key, { node: value, place: { offset, path } });
        } else {
          const hint = unknown?.hint(key) ?? didYouMean(key, names);
          out.structure({ offset: keyOffset, path }, unknown?.message ?? "unknown key", hint);
        }
      }
      return readFields(entries, place, out);
    },
  };
}

function isObjectSpec(spec: Spec<unknown>): spec is ObjectSpec<Shape> {
  return "absent" in spec;
}

function plainValue(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

/** One named object of a mapping. */
export interface Named<T> {
  /** The key's text. */
  readonly name: string;
  /** The key. */
  readonly place: Place;
  /** Undefined: of the wrong kind. */
  readonly value: T | undefined;
}

/** A mapping from names to values, in the file's order; one that is written without a value is empty. */
export function mapOf<T>(
  item: Spec<T>,
  nameSchema: JsonSchema,
  checkName: (name: string, place: Place, out: Findings) => void,
): Spec<readonly Named<T>[]> {
  return {
    expects: "a mapping",
    schema: { type: ["object", "null"], propertyNames: nameSchema, additionalProperties: item.schema },
    read(node, place, out) {
      return entriesOf(node, place, out)?.map(({ key, keyOffset, value }) => {
        const keyPlace = { offset: keyOffset, path: childPath(place.path, key) };
        checkName(key, keyPlace, out);
        const valuePlace = value.kind === "map" ? keyPlace : { ...keyPlace, offset: value.offset };
        return { name: key, place: keyPlace, value: item.read(value, valuePlace, out) };
      });
    },
  };
}

/** One element of a list. */
export interface Element<T> {
  /** The element. */
  readonly place: Place;
  /** Undefined: unusable. */
  readonly value: T | undefined;
}

/** A list; one that is written without a value is empty. */
export function listOf<T>(item: Spec<T>): Spec<readonly Element<T>[]> {
  return {
    expects: "a list",
    schema: { type: "array", items: item.schema },
    read(node, place, out) {
      if (node.kind !== "list" && !isNull(node)) {
        wrongKind("a list", node, place, out);
        return undefined;
      }
      return (node.kind === "list" ? node.items : []).map((element, index) => {
        const elementPlace = { offset: element.offset, path: `${place.path}[${index}]` };
        return { place: elementPlace, value: item.read(element, elementPlace, out) };
      });
    },
  };
}

/** A mapping or a list that must hold something; `keyword` says so to an editor. */
export function nonEmpty<T>(
  spec: Spec<readonly T[]>,
  keyword: "minItems" | "minProperties",
): Spec<readonly T[]> {
  const [kind] = [spec.schema["type"]].flat();
  return refine(spec, { type: kind, [keyword]: 1 }, (list, place, out) => {
    if (list.length === 0 && !out.damaged) out.semantic(place, "must not be empty");
    return list;
  });
}

/** A value whose reading must wait until its neighbours are known. */
export interface Deferred {
  /** The value. */
  readonly node: Node;
  /** Where it stands, or would stand. */
  readonly place: Place;
}

/** Keeps a value as it is, to be read later. */
export function deferred(schema: JsonSchema): Spec<Deferred> {
  return { expects: "a mapping", schema, read: (node, place) => ({ node, place }) };
}

/** Text for a message about a scalar: as it was written. */
export function shown(node: ScalarNode): string {
  return quote(node.text);
}

/**
 * YAML text to a tree of nodes with places. The only file that knows the YAML library, so that it can be
 * exchanged.
 *
 * Decided here: YAML 1.2 with the core schema, whatever a `%YAML` line says; one document; keys are plain
 * text and unique; `<<` merges as in YAML 1.1, because operators use it to share settings; aliases may expand
 * a document to at most `EXPANSION_LIMIT` nodes, so that a few lines cannot occupy the daemon; no tags but
 * those that say what is there anyway.
 *
 * @module
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  type ParsedNode,
  type YAMLError,
} from "yaml";
import { locator, type Position } from "./position.ts";
import {
  type Entry,
  isNull,
  type MapNode,
  type Node,
  printable,
  type Problem,
  quote,
  valueAt,
} from "./tree.ts";

/** A document, as far as it could be read. */
export interface YamlTree {
  /** Null: the text holds no document. */
  readonly root: Node | null;
  /** Errors of the syntax, at most one a place; those of single values are in the tree. */
  readonly errors: readonly (Problem & { readonly path: string })[];
  /** Whether parts may be missing from `root` because of the syntax. */
  readonly damaged: boolean;
}

/** Nodes that aliases may add to a document: ten times what a file of 2,000 backends holds. */
export const EXPANSION_LIMIT = 200_000;

/** Depth beyond which a document cannot be meant; the library recurses. */
const DEPTH_LIMIT = 100;

const PLAIN_TAGS = new Set(["tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"]);

interface Sized {
  readonly node: Node;
  /** Nodes in it, itself included, aliases expanded. */
  readonly size: number;
}

function broken(offset: number, message: string, hint: string | null = null): Sized {
  return { node: { kind: "broken", offset, message, hint }, size: 1 };
}

/** One conversion; holds the anchors seen so far. */
class Converter {
  readonly #anchors = new Map<string, Sized>();
  readonly #open = new Set<string>();
  readonly #position: (offset: number) => Position;
  #expanded = 0;

  constructor(text: string) {
    this.#position = locator(text);
  }

  convert(source: ParsedNode, depth: number, emptyOffset: number): Sized {
    if (isAlias(source)) return this.#alias(source.source, source.range[0]);
    const anchor = source.anchor;
    if (anchor !== undefined) this.#open.add(anchor);
    const sized = this.#value(source, depth, emptyOffset);
    if (anchor !== undefined) {
      this.#open.delete(anchor);
      this.#anchors.set(anchor, sized);
    }
    return sized;
  }

  #alias(name: string, offset: number): Sized {
    if (this.#open.has(name)) return broken(offset, `alias "*${name}" stands inside its own anchor`);
    const target = this.#anchors.get(name);
    if (target === undefined) {
      return broken(offset, `alias "*${name}" has no anchor "&${name}" before it`);
    }
    this.#expanded += target.size;
    if (this.#expanded > EXPANSION_LIMIT) {
      return broken(offset, `aliases expand the document by more than ${EXPANSION_LIMIT} values`);
    }
    return target;
  }

  #value(source: Exclude<ParsedNode, { type: "ALIAS" }>, depth: number, emptyOffset: number): Sized {
    const offset = source.range[0];
    if (depth > DEPTH_LIMIT) return broken(offset, `nested deeper than ${DEPTH_LIMIT} levels`);
    if (source.tag !== undefined && !PLAIN_TAGS.has(source.tag)) {
      const tag = source.tag.replace("tag:yaml.org,2002:", "!!");
      return broken(offset, `tag ${quote(tag)} is not supported`, "write the value without a tag");
    }
    if (isMap(source)) return this.#map(source.items, depth, offset);
    if (isSeq(source)) {
      const items = source.items.map((item) => this.convert(item, depth + 1, offset));
      return {
        node: { kind: "list", offset, items: items.map((item) => item.node) },
        size: items.reduce((sum, item) => sum + item.size, 1),
      };
    }
    if (!isScalar(source)) return broken(offset, "unknown kind of value");
    const plain = source.type === "PLAIN" && source.tag === undefined;
    const text = plain ? source.source : String(source.value);
    return {
      node: { kind: "scalar", offset: plain && text === "" ? emptyOffset : offset, text, plain },
      size: 1,
    };
  }

  #map(
    items: readonly { key: ParsedNode; value: ParsedNode | null }[],
    depth: number,
    offset: number,
  ): Sized {
    const own: (Entry | { merge: Node })[] = [];
    const places = new Map<string, number>();
    const problems: MapNode["problems"][number][] = [];
    let size = 1;
    for (const { key: keySource, value: valueSource } of items) {
      const key = this.convert(keySource, depth + 1, keySource.range[0]).node;
      const keyOffset = keySource.range[0];
      const value: Sized = valueSource === null
        ? { node: { kind: "scalar", offset: keyOffset, text: "", plain: true }, size: 1 }
        : this.convert(valueSource, depth + 1, keyOffset);
      size += value.size;
      const fail = (message: string, name: string | null = null) =>
        problems.push({ key: name, offset: keyOffset, message, hint: null });
      const first = key.kind === "scalar" ? places.get(key.text) : undefined;
      if (key.kind === "broken") {
        problems.push({ key: null, ...key });
      } else if (key.kind !== "scalar") {
        fail("a key must be plain text");
      } else if (key.plain && key.text === "<<") {
        own.push({ merge: value.node });
      } else if (key.plain && key.text === "") {
        fail('the key before ":" is missing');
      } else if (first !== undefined) {
        fail(`duplicate key, the first is on line ${this.#position(first).line}`, key.text);
      } else {
        places.set(key.text, keyOffset);
        own.push({ key: key.text, keyOffset, value: value.node });
      }
    }
    const entries: Entry[] = [];
    const known = new Set(places.keys());
    for (const item of own) {
      if ("key" in item) {
        entries.push(item);
        continue;
      }
      const merged = merge(item.merge);
      problems.push(...merged.problems);
      for (const entry of merged.entries) {
        if (known.has(entry.key)) continue;
        known.add(entry.key);
        entries.push(entry);
      }
    }
    return { node: { kind: "map", offset, entries, problems }, size };
  }
}

/** What a merge key brings; of several mappings the first that has a key wins. */
function merge(value: Node): Pick<MapNode, "entries" | "problems"> {
  const entries: Entry[] = [];
  const problems: MapNode["problems"][number][] = [];
  for (const source of value.kind === "list" ? value.items : [value]) {
    if (source.kind === "map") {
      entries.push(...source.entries);
      problems.push(...source.problems);
    } else if (source.kind === "broken") {
      problems.push({ key: null, ...source });
    } else {
      const message = 'the merge key "<<" takes a mapping or a list of mappings';
      problems.push({ key: null, offset: source.offset, message, hint: null });
    }
  }
  return { entries, problems };
}

/** Syntax errors beyond which a text is no configuration at all. */
const ERROR_LIMIT = 1000;

const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BLOCK_AS_IMPLICIT_KEY: 'put text that holds ": " in quotes',
};

/** The library's errors in this file's form; one mistake may upset it several times at one place. */
function syntaxErrors(found: readonly YAMLError[], root: Node | null, length: number): YamlTree["errors"] {
  const errors = new Map<number, YamlTree["errors"][number]>();
  for (const error of found) {
    // Tags are judged with the value that they stand before.
    if (error.code === "TAG_RESOLVE_FAILED") continue;
    const at = Math.min(error.pos[0], length);
    const { node, path } = root === null ? { node: null, path: "" } : valueAt(root, at);
    // Where a quote ought to have ended nobody knows; where it began is of more use than the end of the file.
    const offset = error.code === "MISSING_CHAR" && node?.kind === "scalar" ? node.offset : at;
    if (errors.has(offset)) continue;
    const [line = ""] = error.message.split("\n");
    // The text that upset the library may be a secret; its place says enough, unless it is a mark.
    const words = printable(line).replace(/closing ["']quote/, "closing quote").replace(/: "[^"]*\w.*$/, "");
    const message = `not YAML: ${words.slice(0, 1).toLowerCase()}${words.slice(1)}`;
    errors.set(offset, { offset, path, message, hint: HINTS[error.code] ?? null });
    if (errors.size === ERROR_LIMIT) break;
  }
  return [...errors.values()];
}

/** One error about the text as a whole, of which nothing can be read. */
function unreadable(offset: number, why: string): YamlTree {
  return {
    root: null,
    errors: [{ offset, path: "", message: `not YAML: ${why}`, hint: null }],
    damaged: true,
  };
}

/** Reads one document, without a byte order mark. Never throws, whatever the text. */
export function parseYaml(text: string): YamlTree {
  // deno-lint-ignore no-control-regex
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufeff]|\r(?!\n)/.exec(text);
  if (control !== null) {
    // A carriage return alone is a line break to YAML but not to the library, which would read the file askew;
    // a byte order mark is none in the middle of a file, and nobody sees it there.
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return unreadable(control.index, `character U+${code} is not allowed`);
  }
  let documents: Document.Parsed[];
  try {
    const parsed = parseAllDocuments(text, {
      // Scalars are judged by scalarType(); keys by Converter, in linear time.
      schema: "failsafe",
      uniqueKeys: false,
      merge: false,
      prettyErrors: false,
      logLevel: "silent",
    });
    documents = "empty" in parsed ? [] : parsed;
  } catch (thrown) {
    // Nesting beyond the stack is the one known cause; no input may end the daemon.
    return unreadable(0, thrown instanceof RangeError ? "nested too deep" : String(thrown));
  }
  const [document, second] = documents;
  if (document === undefined) return { root: null, errors: [], damaged: false };
  const contents: ParsedNode | null = document.contents;
  const converted = contents === null ? null : new Converter(text).convert(contents, 0, 0).node;
  const root = converted === null || isNull(converted) ? null : converted;
  const errors = [...syntaxErrors([...document.errors, ...document.warnings], root, text.length)];
  const damaged = errors.length > 0;
  if (second !== undefined) {
    const message = "a second document starts here; a configuration is one document";
    errors.push({ offset: second.range[0], path: "", message, hint: null });
  }
  return { root, errors, damaged };
}

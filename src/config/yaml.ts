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
import { type Document, isAlias, isMap, isScalar, isSeq, parseAllDocuments, type ParsedNode } from "yaml";
import { type Entry, isNull, type Node, quote } from "./tree.ts";

/** What cannot be read, and where. */
export interface YamlError {
  /** UTF-16 units from the start of the text. */
  readonly offset: number;
  readonly message: string;
  readonly hint: string | null;
}

/** A document, as far as it could be read. */
export interface YamlTree {
  /** Null: the text holds no document. */
  readonly root: Node | null;
  readonly errors: readonly YamlError[];
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

/** One conversion; holds the anchors seen so far. */
class Converter {
  readonly errors: YamlError[] = [];
  readonly #anchors = new Map<string, Sized>();
  readonly #open = new Set<string>();
  #expanded = 0;

  #fail(offset: number, message: string, hint: string | null = null): Sized {
    this.errors.push({ offset, message, hint });
    return { node: { kind: "broken", offset }, size: 1 };
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
    if (this.#open.has(name)) return this.#fail(offset, `alias "*${name}" stands inside its own anchor`);
    const target = this.#anchors.get(name);
    if (target === undefined) {
      return this.#fail(offset, `alias "*${name}" has no anchor "&${name}" before it`);
    }
    this.#expanded += target.size;
    if (this.#expanded > EXPANSION_LIMIT) {
      return this.#fail(offset, `aliases expand the document by more than ${EXPANSION_LIMIT} values`);
    }
    return target;
  }

  #value(source: Exclude<ParsedNode, { type: "ALIAS" }>, depth: number, emptyOffset: number): Sized {
    const offset = source.range[0];
    if (depth > DEPTH_LIMIT) return this.#fail(offset, `nested deeper than ${DEPTH_LIMIT} levels`);
    if (source.tag !== undefined && !PLAIN_TAGS.has(source.tag)) {
      const tag = source.tag.replace("tag:yaml.org,2002:", "!!");
      return this.#fail(offset, `tag ${quote(tag)} is not supported`, "write the value without a tag");
    }
    if (isMap(source)) return this.#map(source.items, depth, offset);
    if (isSeq(source)) {
      const items = source.items.map((item) => this.convert(item, depth + 1, offset));
      return {
        node: { kind: "list", offset, items: items.map((item) => item.node) },
        size: items.reduce((sum, item) => sum + item.size, 1),
      };
    }
    if (!isScalar(source)) return this.#fail(offset, "unknown kind of value");
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
    const lines = new Map<string, number>();
    let size = 1;
    for (const { key: keySource, value: valueSource } of items) {
      const key = this.convert(keySource, depth + 1, keySource.range[0]).node;
      const keyOffset = keySource.range[0];
      const value: Sized = valueSource === null
        ? { node: { kind: "scalar", offset: keyOffset, text: "", plain: true }, size: 1 }
        : this.convert(valueSource, depth + 1, keyOffset);
      size += value.size;
      if (key.kind === "broken") continue;
      if (key.kind !== "scalar") {
        this.#fail(keyOffset, "a key must be plain text");
      } else if (key.plain && key.text === "<<") {
        own.push({ merge: value.node });
      } else if (key.plain && key.text === "") {
        this.#fail(keyOffset, 'the key before ":" is missing');
      } else if (lines.has(key.text)) {
        this.#fail(keyOffset, `duplicate key ${quote(key.text)}`);
      } else {
        lines.set(key.text, keyOffset);
        own.push({ key: key.text, keyOffset, value: value.node });
      }
    }
    const entries: Entry[] = [];
    const merged = new Set<string>();
    for (const item of own) {
      if ("key" in item) {
        entries.push(item);
        continue;
      }
      for (const entry of this.#merge(item.merge)) {
        if (lines.has(entry.key) || merged.has(entry.key)) continue;
        merged.add(entry.key);
        entries.push(entry);
      }
    }
    return { node: { kind: "map", offset, entries }, size };
  }

  /** What a merge key brings; of several mappings the first that has a key wins. */
  #merge(value: Node): readonly Entry[] {
    const sources = value.kind === "list" ? value.items : [value];
    return sources.flatMap((source) => {
      if (source.kind === "map") return source.entries;
      if (source.kind !== "broken" && !isNull(source)) {
        this.#fail(source.offset, 'the merge key "<<" takes a mapping or a list of mappings');
      }
      return [];
    });
  }
}

/** The library's words, as the second half of a sentence. */
function sentence(message: string): string {
  const [line = ""] = message.split("\n");
  return `not YAML: ${line.slice(0, 1).toLowerCase()}${line.slice(1)}`;
}

function hintFor(code: string): string | null {
  if (code === "TAB_AS_INDENT") return "indent with spaces";
  if (code === "BLOCK_AS_IMPLICIT_KEY") return 'put text that holds ": " in quotes';
  return null;
}

function controlCharacters(text: string): YamlError[] {
  // deno-lint-ignore no-control-regex
  return [...text.matchAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g)].slice(0, 20).map((found) => ({
    offset: found.index,
    message: `not YAML: control character U+${
      found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")
    }`,
    hint: null,
  }));
}

/** Reads one document. Never throws, whatever the text. */
export function parseYaml(text: string): YamlTree {
  const errors = controlCharacters(text);
  if (errors.length > 0) return { root: null, errors, damaged: true };
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
    const why = thrown instanceof RangeError ? "nested too deep" : String(thrown);
    return { root: null, errors: [{ offset: 0, message: `not YAML: ${why}`, hint: null }], damaged: true };
  }
  const [document, second] = documents;
  if (document === undefined) return { root: null, errors, damaged: false };
  for (const error of [...document.errors, ...document.warnings]) {
    if (error.code === "TAG_RESOLVE_FAILED") continue;
    errors.push({
      offset: Math.min(error.pos[0], text.length),
      message: sentence(error.message),
      hint: hintFor(error.code),
    });
  }
  const damaged = errors.length > 0;
  if (second !== undefined) {
    errors.push({
      offset: second.range[0],
      message: "a second document starts here; a configuration is one document",
      hint: null,
    });
  }
  const converter = new Converter();
  const contents = document.contents;
  const root = contents === null ? null : converter.convert(contents as ParsedNode, 0, 0).node;
  return {
    root: root !== null && isNull(root) ? null : root,
    errors: [...errors, ...converter.errors],
    damaged,
  };
}

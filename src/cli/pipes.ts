/**
 * What may follow `|`: filters on what a command prints, row by row, before it is laid out. Pure, but for the
 * output that they write to.
 *
 *     show backends | include down | last 3
 *
 * @module
 */
import { cleanJson } from "./clean.ts";
import { shapes } from "../text.ts";
import type { Output } from "./context.ts";
import type { Grammar } from "./grammar.ts";
import { OutputBefore } from "./output.ts";
import { type Block, isTable, lineOf, type Table, type Verbatim } from "./table.ts";
import { type Line, line, plain } from "./text.ts";

/** A line, or one row of a table; `text` is what a person sees, without colours and without blanks for alignment. */
export type Item =
  | { readonly text: string; readonly line: Line | Verbatim }
  | { readonly text: string; readonly table: Table; readonly cells: readonly Line[] };

/** One filter. */
export interface Stage {
  /** What it lets through of one item. */
  take(item: Item): readonly Item[];
  /** What it says when there is no more. */
  end(): readonly Item[];
}

/** Makes a filter of its arguments; the words that are none say what is done with the output as a whole. */
export type MakeStage = ((values: ReadonlyMap<string, string>) => Stage) | "json" | "no-more";

/** A line that is as it is, however narrow the terminal. */
function lineItem(text: string): Item {
  return { text, line: { verbatim: line(text) } };
}

/** A pattern as the user means it: upper case counts only where there is some. */
function pattern(text: string): RegExp {
  return new RegExp(text, /\p{Lu}/u.test(text.replace(/\\./g, "")) ? "u" : "iu");
}

function filter(keeps: (item: Item) => boolean): Stage {
  return { take: (item) => keeps(item) ? [item] : [], end: () => [] };
}

function begin(re: RegExp): Stage {
  let begun = false;
  return filter(({ text }) => begun ||= re.test(text));
}

function count(): Stage {
  let sum = 0;
  return {
    take({ text }) {
      if (text.trim() !== "") sum++;
      return [];
    },
    end: () => [lineItem(String(sum))],
  };
}

function last(n: number): Stage {
  const kept: Item[] = [];
  return {
    take(item) {
      if (item.text.trim() !== "") kept.push(item);
      if (kept.length > n) kept.shift();
      return [];
    },
    end: () => kept,
  };
}

const shapeOfState = new RegExp(`^[${Object.values(shapes).join("")}] (?=[a-z]+$)`, "u");

/** One field (RFC 4180). States lose their shapes and numbers the commas that are put in for people. */
function field(cell: Line): string {
  const text = plain(cell).trim().replace(shapeOfState, "");
  const number = /^[0-9]{1,3}(,[0-9]{3})+$/.test(text) ? text.replaceAll(",", "") : text;
  return /[",\n]/.test(number) ? `"${number.replaceAll('"', '""')}"` : number;
}

function record(cells: readonly Line[]): Item {
  return lineItem(cells.map(field).join(","));
}

/** Tables as CSV, each under its titles, with an empty line between two. Other lines are left out. */
function csv(): Stage {
  const lines: Item[] = [];
  let current: Table | null = null;
  return {
    take(item) {
      if ("line" in item) {
        if (item.text.trim() !== "") lines.push(record([lineOf(item.line)]));
        return [];
      }
      const { table } = item;
      const row = record(item.cells);
      if (table === current) return [row];
      const between = current === null ? [] : [lineItem("")];
      current = table;
      const titled = table.columns.some(({ title }) => title !== "");
      return [...between, ...(titled ? [record(table.columns.map(({ title }) => line(title)))] : []), row];
    },
    end: () => current === null ? lines : [],
  };
}

function value(values: ReadonlyMap<string, string>, name: string): string {
  return values.get(name) ?? "";
}

/** The words behind `|`. */
export const pipeGrammar: Grammar<MakeStage> = {
  commands: [
    {
      syntax: "include <re>",
      help: "only lines and rows that match",
      run: (values) => {
        const re = pattern(value(values, "re"));
        return filter(({ text }) => re.test(text));
      },
    },
    {
      syntax: "exclude <re>",
      help: "only lines and rows that do not match",
      run: (values) => {
        const re = pattern(value(values, "re"));
        return filter(({ text }) => !re.test(text));
      },
    },
    {
      syntax: "begin <re>",
      help: "from the first that matches on",
      run: (v) => begin(pattern(value(v, "re"))),
    },
    { syntax: "count", help: "how many lines and rows there are, without titles", run: count },
    { syntax: "last <n>", help: "the last n of them", run: (values) => last(Number(value(values, "n"))) },
    { syntax: "json", help: "what the API said, indented; comes first", run: "json" },
    { syntax: "csv", help: "tables as comma-separated values", run: csv },
    { syntax: "no-more", help: "without a stop at each full screen", run: "no-more" },
  ],
  arguments: {
    re: {
      help: "a regular expression; without upper case in it, case does not count",
      refuses(text) {
        try {
          pattern(text);
          return text === "" ? "is a regular expression" : null;
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          return `is a regular expression (${error.message.replace(/^.*: /, "")})`;
        }
      },
    },
    n: {
      help: "how many",
      refuses: (text) => /^[0-9]{1,6}$/.test(text) ? null : "is a whole number from 0 to 999999",
    },
  },
  words: {
    include: "only lines and rows that match",
    exclude: "only lines and rows that do not match",
    begin: "from the first that matches on",
    count: "how many there are",
    last: "the last n of them",
    json: "what the API said",
    csv: "comma-separated values",
    "no-more": "without a stop at each full screen",
  },
};

function itemsOf(blocks: readonly Block[]): Item[] {
  return blocks.flatMap((block): Item[] => {
    if (!isTable(block)) return [{ text: plain(lineOf(block)), line: block }];
    return block.rows.map((cells) => ({
      text: cells.map((cell) => plain(cell).trim()).filter((text) => text !== "").join("  "),
      cells,
      table: block,
    }));
  });
}

/** Rows of one table that follow each other are a table again. */
function blocksOf(items: readonly Item[]): Block[] {
  const blocks: Block[] = [];
  let rows: (readonly Line[])[] = [];
  let current: Table | null = null;
  for (const item of items) {
    if ("line" in item) {
      blocks.push(item.line);
      current = null;
      continue;
    }
    if (item.table !== current) {
      current = item.table;
      rows = [];
      blocks.push({ ...current, rows });
    }
    rows.push(item.cells);
  }
  return blocks;
}

/** An output whose text runs through filters. */
export class PipedOutput extends OutputBefore {
  readonly #stages: readonly Stage[];
  readonly #indents: boolean;
  #drawn: readonly Block[] = [];

  /** Writes to `out` what the stages let through, in their order. `indents`: JSON takes a line for each of its keys. */
  constructor(out: Output, stages: readonly Stage[], indents: boolean) {
    super(out);
    this.#stages = stages;
    this.#indents = indents;
  }

  /** A filter takes lines, and no screens. */
  override get fullScreen(): null {
    return null;
  }

  /** Filters blocks. */
  override print(blocks: readonly Block[]): void {
    this.#put(itemsOf(blocks), 0);
  }

  /** Filters JSON line by line. */
  override json(text: string): void {
    const lines = this.#indents ? JSON.stringify(JSON.parse(text), null, 2) : text.replace(/\n$/, "");
    const items = cleanJson(lines).split("\n").map((text): Item => ({
      text,
      line: { verbatim: line(text) },
    }));
    this.#put(items, 0);
  }

  /** Filters a text line by line. */
  override raw(text: string): void {
    this.#put(text.replace(/\n$/, "").split("\n").map(lineItem), 0);
  }

  /** Nothing is drawn in place of what a filter has not seen the end of. */
  override redraw(blocks: readonly Block[]): void {
    this.#drawn = blocks;
  }

  /** Filters what was drawn last. */
  override keep(): void {
    this.print(this.#drawn);
    this.#drawn = [];
  }

  /** Lets the filters say what they say at the end. */
  end(): void {
    for (const [i, stage] of this.#stages.entries()) this.#put(stage.end(), i + 1);
  }

  #put(items: readonly Item[], from: number): void {
    let left = items;
    for (const stage of this.#stages.slice(from)) left = left.flatMap((item) => [...stage.take(item)]);
    if (left.length > 0) this.out.print(blocksOf(left));
  }
}

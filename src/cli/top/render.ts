/**
 * The screen of `top`: lines of exactly the terminal's size. Pure.
 *
 * @module
 */
import type { ProblemList } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { problemCountLine } from "../render/problems.ts";
import { sparkSpans } from "../render/spark.ts";
import { stateSpan } from "../render/style.ts";
import { columns, type Inline, type Line, line, plain, type Span, styled } from "../text.ts";
import { ageText, countText, latencyText, rateText } from "../units.ts";
import { clockText } from "../when.ts";
import type { Row } from "./rows.ts";
import { cursorOf, type TopState } from "./state.ts";

/** Columns and rows of the terminal. */
export interface Size {
  /** Columns. */
  readonly columns: number;
  /** Rows. */
  readonly rows: number;
}

/** What `top` knows of the daemon, apart from its backends. */
export interface TopHead {
  /** Its name; "": not known. */
  readonly node: string;
  /** Null: not known. */
  readonly problems: ProblemList | null;
  /** When the rows were read, in unix milliseconds; null: never. */
  readonly readAt: number | null;
  /** Why there are no newer ones; "" where there are. */
  readonly trouble: string;
}

/** A line that is cut at a width, with a sign for what is missing. */
export function cut(text: Line, width: number): Line {
  if (columns(plain(text)) <= width) return text;
  const out: Span[] = [];
  let used = 0;
  for (const span of text) {
    let kept = "";
    for (const character of span.text) {
      const size = columns(character);
      if (used + size > width - 1) return [...out, { ...span, text: `${kept}…` }];
      kept += character;
      used += size;
    }
    out.push(span);
  }
  return out;
}

function pad(text: Line, width: number, right: boolean): Line {
  const blanks: Span = { text: " ".repeat(Math.max(0, width - columns(plain(text)))), style: null };
  return right ? [blanks, ...text] : [...text, blanks];
}

/** A duration without the blank that latencyText has. */
function shortLatency(ns: number | null): string {
  return ns === null ? "-" : (latencyText(String(Math.round(ns))) ?? "-").replace(" ", "");
}

interface Column {
  readonly title: string;
  readonly right?: true;
  readonly least: number;
  readonly most: number;
  readonly cell: (row: Row, view: View) => Inline;
}

const sparkWidths = [60, 30, 20, 15, 12, 10] as const;

function columnsOf(spark: number): Column[] {
  return [
    { title: "BACKEND", least: 7, most: 24, cell: (row) => styled("bold", row.name) },
    {
      title: "STATE",
      least: 6,
      most: 10,
      cell: (row) => row.blind ? [stateSpan(row.state), styled("red", "!")] : stateSpan(row.state),
    },
    {
      title: "SINCE",
      right: true,
      least: 5,
      most: 6,
      cell: (row, view) => ageText((view.now - row.since) / 1000),
    },
    {
      title: "HLTH",
      right: true,
      least: 4,
      most: 7,
      cell: ({ health }) =>
        health === null ? "-" : styled(health.degraded ? "yellow" : null, `${health.counter}/${health.max}`),
    },
    { title: "P50", right: true, least: 6, most: 6, cell: (row) => shortLatency(row.p50) },
    { title: "P95", right: true, least: 6, most: 6, cell: (row) => shortLatency(row.p95) },
    {
      title: spark >= 12 ? "LAST 60" : "LAST60",
      least: spark,
      most: spark,
      cell: (row) => sparkSpans(row.spark, spark),
    },
    {
      title: "SHARE",
      right: true,
      least: 5,
      most: 6,
      cell: (row) => row.share === null ? "-" : `${(row.share * 100).toFixed(1)}%`,
    },
    {
      title: "PKT/S",
      right: true,
      least: 5,
      most: 6,
      cell: (row) => row.packets === null ? "-" : rateText(row.packets),
    },
  ];
}

/** From this width on WHY has a column of its own; below, a line of its own. */
const wideFrom = 120;
const gap = 1;
const marker = 2;

/** Widths of the columns, and of the column WHY; 0: it has a line of its own. */
function layoutOf(rows: readonly Row[], view: View, width: number) {
  const name = Math.max(7, ...rows.map((row) => columns(row.name)));
  for (const spark of sparkWidths) {
    const heads = columnsOf(spark);
    const sizes = heads.map((head, i) => {
      if (i === 0) return Math.min(name, head.most);
      const used = rows.map((row) => columns(plain(line(head.cell(row, view)))));
      return Math.min(head.most, Math.max(head.least, columns(head.title), ...used));
    });
    const used = marker + sizes.reduce((sum, size) => sum + size + gap, -gap);
    const why = width >= wideFrom ? width - used - gap : 0;
    if (spark === 10 || (width >= wideFrom ? why >= 28 : used <= width)) {
      return { heads, sizes, why: Math.max(0, why), used };
    }
  }
  throw new RangeError("no width of the sparkline");
}

function rowLines(
  row: Row,
  view: View,
  { heads, sizes, why, used }: ReturnType<typeof layoutOf>,
  width: number,
  selected: boolean,
): Line[] {
  // The name is cut on a terminal that is too narrow for the rest.
  const over = Math.max(0, used - width);
  const cells = heads.flatMap((head, i): Line => {
    const size = i === 0 ? Math.max(7, (sizes[i] ?? 0) - over) : sizes[i] ?? 0;
    const cell = pad(cut(line(head.cell(row, view)), size), size, head.right === true);
    return i === 0 ? cell : [{ text: " ", style: null }, ...cell];
  });
  const mark = styled("cyan", selected ? "> " : "  ");
  const reason = row.why === "" ? [] : line(styled(row.state === "up" ? "dim" : null, row.why));
  if (why > 0) return [cut([mark, ...cells, ...line(" "), ...cut(reason, why)], width)];
  const first = cut([mark, ...cells], width);
  return reason.length === 0 ? [first] : [first, cut([...line("    "), ...reason], width)];
}

function titles({ heads, sizes, why, used }: ReturnType<typeof layoutOf>, width: number): Line {
  const over = Math.max(0, used - width);
  const cells = heads.flatMap((head, i): Line => {
    const size = i === 0 ? Math.max(7, (sizes[i] ?? 0) - over) : sizes[i] ?? 0;
    const cell = pad(line(styled("dim", head.title)), size, head.right === true);
    return i === 0 ? cell : [{ text: " ", style: null }, ...cell];
  });
  return cut([...line("  "), ...cells, ...(why > 0 ? line(styled("dim", " WHY")) : [])], width);
}

const states = ["down", "unknown", "paused", "disabled", "up"] as const;

function headLines(head: TopHead, all: readonly Row[], shown: number, state: TopState, view: View): Line[] {
  const counts = states.flatMap((name): Inline[] => {
    const count = all.filter((row) => row.state === name).length;
    return count === 0 ? [] : [stateSpan(name), ` ${countText(count)}  `];
  });
  const time = head.readAt === null ? "" : `${clockText(head.readAt, view.zone).replace(/\.\d+/, "")}  `;
  const problems = head.problems === null ? [] : problemCountLine(head.problems);
  const scope = [
    `sort ${state.sort}`,
    `frontend ${state.frontend ?? "all"}`,
    ...(state.filter === "" ? [] : [`filter "${state.filter}"`]),
    ...(shown === all.length ? [] : [`${countText(shown)} shown`]),
  ].join(", ");
  return [
    line(styled("bold", head.node === "" ? "maglevd" : head.node), `  ${time}`, problems),
    head.trouble === "" ? line(counts, styled("dim", scope)) : line(styled("red", head.trouble)),
  ];
}

function lastLine({ mode, input, message }: TopState): Line {
  switch (mode) {
    case "filter":
      return line(
        "filter: ",
        input,
        styled("dim", "_   names, states and reasons; Enter keeps it, Esc ends it"),
      );
    case "frontend":
      return line(
        "frontend: ",
        input,
        styled("dim", "_   "),
        message === "" ? styled("dim", "Tab completes, Enter alone: all") : styled("yellow", message),
      );
    case "asking":
      return line(styled("yellow", message), " (y or n)");
    case "detail":
      return line(styled("dim", "Enter back  p pause or resume  q back"));
    case "list":
      return message === ""
        ? line(styled("dim", "/ filter  s sort  f frontend  Enter detail  p pause  q quit"))
        : line(styled("yellow", message));
  }
}

/** Lines of the head, the titles, and the last one. */
const fixed = 4;

/** How many rows fit on the screen at least: each may take two lines on a narrow one. */
export function pageSize(size: Size): number {
  return Math.max(1, Math.floor((size.rows - fixed) / (size.columns >= wideFrom ? 1 : 2)));
}

/**
 * The whole screen.
 *
 * @param all all backends, for the counts
 * @param rows those that are wanted, in their order
 * @param detail lines about the selected backend, shown in mode `detail`
 */
export function screenLines(
  head: TopHead,
  all: readonly Row[],
  rows: readonly Row[],
  state: TopState,
  detail: readonly Line[],
  size: Size,
  view: View,
): Line[] {
  const room = Math.max(0, size.rows - fixed);
  const top = headLines(head, all, rows.length, state, view).map((text) => cut(text, size.columns));
  const body: Line[] = [];
  if (state.mode === "detail") {
    body.push([], ...detail.map((text) => cut(text, size.columns)));
  } else {
    const cursor = cursorOf(state, rows);
    const page = pageSize(size);
    // The cursor stays on the screen, and at the top nothing moves.
    const first = Math.max(0, cursor - page + 1);
    const visible = rows.slice(first, first + room);
    const plan = layoutOf(visible, view, size.columns);
    body.push(titles(plan, size.columns));
    for (const [i, row] of visible.entries()) {
      const next = rowLines(row, view, plan, size.columns, first + i === cursor);
      if (body.length + next.length > room + 1) break;
      body.push(...next);
    }
  }
  const lines = [...top, ...body].slice(0, size.rows - 1);
  while (lines.length < size.rows - 1) lines.push([]);
  return [...lines, cut(lastLine(state), size.columns)];
}

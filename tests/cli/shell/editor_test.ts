/** Keys, the line that they make, and how it is drawn. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Edit, newEdit, press } from "../../../src/cli/shell/editor.ts";
import { type Key, named, readKeys } from "../../../src/cli/shell/keys.ts";
import { placeAfter, Screen } from "../../../src/cli/shell/screen.ts";

const history = ["show backends", "set backend web1 pause", "show version", "show backends down"];

/** Presses keys: names in angle brackets, anything else as characters. */
function typed(keys: string, edit: Edit = newEdit(history)): { edit: Edit; effects: string[] } {
  const effects: string[] = [];
  for (const [, name, text] of keys.matchAll(/<([a-z_-]+)>|([^<])/gu)) {
    const pressed = press(edit, name === undefined ? { name: "text", text: text ?? "" } : named(name));
    edit = pressed.edit;
    if (pressed.effect !== "none") effects.push(pressed.effect);
  }
  return { edit, effects };
}

/** The line with a bar at the cursor. */
function line(keys: string): string {
  const { text, cursor } = typed(keys).edit;
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

Deno.test("editor: the keys of readline", () => {
  const cases: [string, string][] = [
    ["show<left><left>x", "shx|ow"],
    ["show<home>a<end>b", "ashowb|"],
    ["abc<ctrl-a><right><delete>", "a|c"],
    ["abc<ctrl-b><ctrl-d>", "ab|"],
    ["abc<backspace><backspace>", "a|"],
    ["<backspace><left><delete><up><up>", "set backend web1 pause|"],
    ["one two three<alt-b><alt-b><alt-f>", "one two| three"],
    ["one two<ctrl-left>x", "one x|two"],
    ["one two three<ctrl-w><ctrl-y><ctrl-y>", "one two threethree|"],
    ["one two three<alt-b><ctrl-k><home><ctrl-y>", "three|one two "],
    ["one two<alt-b><ctrl-u>", "|two"],
    ["one two<home><alt-d>", "| two"],
    ["one two<alt-backspace>", "one |"],
    ["ab<ctrl-t>", "ba|"],
    ["abc<left><ctrl-t>", "acb|"],
    ["<ctrl-t>a<ctrl-t>", "a|"],
    ["one<ctrl-w>two<ctrl-_><ctrl-_><ctrl-_><ctrl-_>", "one|"],
    ["new<up>", "show backends|"],
    ["new<up><up><down><down>", "new|"],
    ["new<down>", "new|"],
    ["<ctrl-p><ctrl-p><ctrl-n>", "show backends|"],
    ["<up><up><up><up><up><up>", "show backends down|"],
    ["<alt-x><page-up><unknown><escape>a", "a|"],
    // Characters of more than one unit are one step.
    ["a\u{1f468}\u200d\u{1f469}b<left><left>x", "ax|\u{1f468}\u200d\u{1f469}b"],
    ["e\u0301<backspace>", "|"],
    // What steers a terminal is not taken.
    ["a\u202eb", "ab|"],
  ];
  for (const [keys, wanted] of cases) assert.equal(line(keys), wanted, keys);
});

Deno.test("editor: what a key asks for", () => {
  const cases: [string, string[]][] = [
    ["show<enter>", ["accept"]],
    ["<ctrl-d>", ["end"]],
    ["a<ctrl-d>", []],
    ["<end-of-input>", ["end"]],
    ["show<tab>", ["complete"]],
    ["show ?", ["help"]],
    ['path "/a?b', []],
    ["<ctrl-c><ctrl-l><resize><continue>", ["interrupt", "clear", "redraw", "redraw"]],
  ];
  for (const [keys, wanted] of cases) assert.deepEqual(typed(keys).effects, wanted, keys);
});

Deno.test("editor: Ctrl-R finds the newest line that holds the text, and older ones each time", () => {
  const search = (keys: string) => typed(keys).edit;
  assert.deepEqual([search("<ctrl-r>backend").text, search("<ctrl-r>backend").search?.entry], [
    "show backends",
    0,
  ]);
  assert.equal(search("<ctrl-r>backend<ctrl-r>").text, "set backend web1 pause");
  assert.equal(search("<ctrl-r>backend<ctrl-r><ctrl-r>").text, "show backends down");
  assert.equal(search("<ctrl-r>backend<ctrl-r><ctrl-r><ctrl-s>").text, "set backend web1 pause");
  // Typing goes on from the line that was found; deleting looks from the newest again.
  assert.equal(search("<ctrl-r>sh<ctrl-r>").text, "show version");
  assert.equal(search("<ctrl-r>backendx<backspace>").text, "show backends");
  // The cursor is where the text was found.
  assert.equal(line("<ctrl-r>web1"), "set backend |web1 pause");
  // No further line: the bell, and the line stays.
  const none = typed("<ctrl-r>version<ctrl-r>");
  assert.deepEqual([none.edit.text, none.effects], ["show version", ["bell"]]);
  const nothing = typed("new<ctrl-r>xyz");
  assert.deepEqual([nothing.edit.text, nothing.effects], ["new", ["bell", "bell", "bell"]]);
  // Enter runs it, other keys edit it, Ctrl-G goes back.
  assert.deepEqual(typed("<ctrl-r>web1<enter>").effects, ["accept"]);
  assert.equal(typed("<ctrl-r>web1<enter>").edit.text, "set backend web1 pause");
  assert.equal(line("<ctrl-r>web1<end>x"), "set backend web1 pausex|");
  assert.equal(line("<ctrl-r>web1<escape><up>"), "show version|");
  assert.equal(line("new<ctrl-r>web1<ctrl-g>"), "new|");
  assert.deepEqual(typed("new<ctrl-r>web1<ctrl-c>").effects, ["interrupt"]);
  assert.equal(typed("<ctrl-r>web1<ctrl-r>").edit.search !== null, true);
  // The same line twice in the history is one step.
  const twice = newEdit(["show a", "show a", "show b"]);
  assert.equal(typed("<ctrl-r>show<ctrl-r>", twice).edit.text, "show b");
});

Deno.test("keys: sequences of terminals, in pieces as well", () => {
  const names = (input: string) =>
    readKeys(input).keys.map((key: Key) => key.name === "text" ? key.text : `<${key.name}>`).join("");
  const cases: [string, string][] = [
    ["abc\r", "abc<enter>"],
    ["a\r\nb\nc", "a<enter>b<enter>c"],
    ["\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F", "<up><down><right><left><home><end>"],
    ["\x1bOA\x1bOH\x1bOF", "<up><home><end>"],
    [
      "\x1b[1~\x1b[3~\x1b[4~\x1b[5~\x1b[6~\x1b[7~\x1b[8~",
      "<home><delete><end><page-up><page-down><home><end>",
    ],
    ["\x1b[1;5C\x1b[1;3D\x1b[3;5~", "<ctrl-right><alt-left><ctrl-delete>"],
    ["\x1bb\x1bF\x1b\x7f", "<alt-b><alt-f><alt-backspace>"],
    ["\x01\x04\x12\x1f\x00\x7f\b\t", "<ctrl-a><ctrl-d><ctrl-r><ctrl-_><unknown><backspace><backspace><tab>"],
    ["\x1b", "<escape>"],
    ["\x1b[200~x\x1b[99Z", "<unknown>x<unknown>"],
    ["\u00e9\u{1f600}\u009b", "\u00e9\u{1f600}<unknown>"],
  ];
  for (const [input, wanted] of cases) assert.equal(names(input), wanted, JSON.stringify(input));
  const first = readKeys("a\x1b[1;");
  assert.deepEqual([first.keys.length, first.rest], [1, "\x1b[1;"]);
  assert.deepEqual(readKeys(`${first.rest}5D`).keys, [named("ctrl-left")]);
});

Deno.test("editor: whatever is pressed, the cursor is within the line, and undo ends at the line before", () => {
  const key = fc.oneof(
    fc.constantFrom(
      ...[
        "left",
        "right",
        "home",
        "end",
        "backspace",
        "delete",
        "up",
        "down",
        "alt-b",
        "alt-f",
        "alt-d",
        "ctrl-k",
      ],
      ...[
        "ctrl-u",
        "ctrl-w",
        "ctrl-y",
        "ctrl-t",
        "ctrl-r",
        "ctrl-s",
        "ctrl-g",
        "escape",
        "ctrl-_",
        "enter",
        "tab",
      ],
    ).map(named),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }).map((text) => ({ name: "text", text })),
  );
  fc.assert(fc.property(fc.array(key, { maxLength: 40 }), (keys) => {
    let edit = newEdit(history);
    for (const one of keys) {
      edit = press(edit, one).edit;
      assert.ok(edit.cursor >= 0 && edit.cursor <= edit.text.length);
      assert.ok(edit.entry >= -1 && edit.entry < history.length);
    }
  }));
});

/** A terminal of a few columns that understands what `Screen` sends; wide characters take two cells. */
class Grid {
  readonly rows: string[][] = [[]];
  row = 0;
  column = 0;
  /** In the last column of a full row a terminal waits for one more character. */
  #full = false;

  constructor(readonly columns: number) {}

  raw(text: string): void {
    // ESC as a character that a pattern may hold.
    for (
      const [, sequence, character = ""] of text.replaceAll("\x1b", "\ue000").matchAll(
        /\ue000\[([0-9]*[A-Z])|([^])/gu,
      )
    ) {
      const count = Number(sequence?.slice(0, -1) || 1);
      if (sequence === undefined) this.#put(character);
      else if (sequence.endsWith("A")) this.row -= count;
      else if (sequence.endsWith("C")) this.column += count;
      else if (sequence === "J") {
        this.rows.length = this.row + 1;
        this.rows[this.row]?.splice(this.column);
      }
      if (sequence !== undefined) this.#full = false;
      assert.ok(this.row >= 0, "above the beginning");
    }
  }

  #put(character: string): void {
    // The terminal's driver makes CR LF of a line feed.
    if (character === "\r" || character === "\n") this.column = 0;
    if (character === "\n") this.row++;
    if (character === "\r" || character === "\n") this.#full = false;
    else {
      const size = character.charCodeAt(0) > 0x2000 ? 2 : 1;
      if (this.#full || this.column + size > this.columns) {
        this.row++;
        this.column = 0;
      }
      const row = this.rows[this.row] ??= [];
      for (let i = 0; i < size; i++) row[this.column + i] = i === 0 ? character : "";
      this.column += size;
      this.#full = this.column >= this.columns;
      if (this.#full) this.column = this.columns - 1;
    }
    this.rows[this.row] ??= [];
  }

  text(): string {
    return this.rows.map((row) => row.join("")).join("\n").trimEnd();
  }
}

Deno.test("screen: the line is where it should be after every key, over several rows, with wide characters", () => {
  const unit = fc.constantFrom("a", "b", " ", "\u6f22", "\uac00");
  fc.assert(
    fc.property(
      fc.integer({ min: 4, max: 12 }),
      fc.array(fc.record({ text: fc.string({ unit, maxLength: 30 }), at: fc.nat() }), {
        minLength: 1,
        maxLength: 8,
      }),
      (width, lines) => {
        const grid = new Grid(width);
        const screen = new Screen(grid);
        for (const { text, at } of lines) {
          const cursor = at % (text.length + 1);
          screen.draw("p> ", text, cursor);
          const whole = new Grid(width);
          whole.raw(`p> ${text}`);
          assert.equal(grid.text(), whole.text());
          const place = placeAfter(`p> ${text.slice(0, cursor)}`, width);
          assert.deepEqual({ row: grid.row, column: grid.column }, place);
        }
        screen.leave("p> ", "end");
        assert.equal(grid.column, 0);
        assert.equal((grid.rows[grid.row] ?? []).join("").trim(), "");
      },
    ),
  );
});

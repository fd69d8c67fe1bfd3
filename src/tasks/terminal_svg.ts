/**
 * Text with colours of a terminal as an SVG picture. Pure.
 *
 * @module
 */

/** Size of a character in the picture, in pixels. */
const cell = { width: 8.4, height: 18 } as const;
const margin = 14;

/** Colours of the picture by SGR code. */
const colours: Readonly<Record<number, string>> = {
  31: "#ff7b72",
  32: "#5fd08d",
  33: "#f0b84d",
  34: "#7db7f5",
  35: "#d2a8ff",
  36: "#56d4dd",
  90: "#8b949e",
};

interface Look {
  readonly colour: string | null;
  readonly bold: boolean;
  readonly dim: boolean;
}

const plain: Look = { colour: null, bold: false, dim: false };

/** A look after an SGR sequence, e.g. `1;31`. */
function after(look: Look, codes: string): Look {
  let now = look;
  for (const code of (codes === "" ? "0" : codes).split(";").map(Number)) {
    if (code === 0) now = plain;
    else if (code === 1) now = { ...now, bold: true };
    else if (code === 2) now = { ...now, dim: true };
    else if (code === 22) now = { ...now, bold: false, dim: false };
    else if (code === 39) now = { ...now, colour: null };
    else if (colours[code] !== undefined) now = { ...now, colour: colours[code] ?? null };
  }
  return now;
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** One line as spans; escape sequences that are no colours are left out. */
function spans(line: string): string {
  const escapeCharacter = String.fromCharCode(27);
  const [first = "", ...rest] = line.split(`${escapeCharacter}[`);
  let look = plain;
  const parts = [span(first, look)];
  for (const part of rest) {
    const [, codes = "", kind = "", text = ""] = /^([0-9;?]*)([A-Za-z])(.*)$/s.exec(part) ?? [];
    if (kind === "m") look = after(look, codes);
    parts.push(span(text, look));
  }
  return parts.join("");
}

function span(text: string, { bold, colour, dim }: Look): string {
  if (text === "") return "";
  const attributes = (colour === null ? "" : ` fill="${colour}"`) + (bold ? ' font-weight="bold"' : "") +
    (dim ? ' opacity="0.65"' : "");
  return attributes === "" ? escape(text) : `<tspan${attributes}>${escape(text)}</tspan>`;
}

/**
 * Makes the picture.
 *
 * @param lines text as a terminal gets it, with SGR sequences
 * @param columns width in characters
 */
export function terminalSvg(lines: readonly string[], columns: number, title: string): string {
  const width = Math.ceil(columns * cell.width + 2 * margin);
  const height = Math.ceil(lines.length * cell.height + 2 * margin);
  const rows = lines.map((line, i) =>
    `<text x="${margin}" y="${margin + (i + 0.8) * cell.height}" xml:space="preserve">${spans(line)}</text>`
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>${escape(title)}</title>
<rect width="${width}" height="${height}" rx="8" fill="#14181c"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, monospace" font-size="14" fill="#e6e9ec">
${rows.join("\n")}
</g>
</svg>
`;
}

/** The golden set: wrong files with the exact lines that the checker says of them. */

/** One file and what is said of it. */
export interface GoldenCase {
  readonly title: string;
  readonly text: string;
  /** Exit code and lines. */
  readonly expected: string;
}

/** Sections that a case of `sections.txt` or `warnings.txt` need not write. */
const SECTIONS: Readonly<Record<string, string>> = {
  healthchecks: "  healthchecks: {web: {type: http, port: 80}}\n",
  backends: "  backends: {b1: {address: 192.0.2.10, healthcheck: web}}\n",
  frontends:
    "  frontends: {www: {address: 198.51.100.1, protocol: tcp, port: 80, pools: [{name: p, backends: {b1: }}]}}\n",
  vpp: "  vpp: {lb: {ipv4-src-address: 192.0.2.1, ipv6-src-address: 2001:db8::1}}\n",
};

/** Makes a whole file of the sections that a case is about; they start on line 2. */
export function complete(sections: string): string {
  const missing = Object.entries(SECTIONS).filter(([name]) => !sections.includes(`  ${name}:`));
  return `maglev:\n${sections}${missing.map(([, text]) => text).join("")}`;
}

/** Splits a golden file: `=== title`, the text, and after `>>>` exit code and lines. */
export function parseGolden(content: string): GoldenCase[] {
  return content.split(/^=== /m).slice(1).map((block) => {
    const title = block.slice(0, block.indexOf("\n"));
    const [text = "", expected = ""] = block.slice(title.length + 1).split(/^>>> /m);
    return { title, text, expected };
  });
}

/** The reverse of `parseGolden`. */
export function formatGolden(cases: readonly GoldenCase[]): string {
  return cases.map(({ title, text, expected }) => `=== ${title}\n${text}>>> ${expected}`).join("");
}

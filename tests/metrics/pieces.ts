/** The text of a scrape that came in pieces. */
export function textOf(pieces: Iterable<Uint8Array>): string {
  const decoder = new TextDecoder();
  return [...pieces].map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode();
}

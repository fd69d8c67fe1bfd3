/** The recordings of a real VPP, for tests. */

/** One recorded frame, its header included, as hexadecimal digits. */
export interface RecordedFrame {
  readonly dir: "tx" | "rx";
  /** Name and CRC. */
  readonly msg: string;
  readonly id: number;
  readonly frame: string;
}

/** One line of the recording of the API socket. */
export type Line =
  | RecordedFrame
  | {
    readonly dir: "label";
    readonly label: string;
    readonly call: string;
    readonly args: Record<string, unknown>;
  }
  | { readonly dir: "decoded"; readonly label: string; readonly reply: unknown };

/** Every line of the recording of the API socket. */
export const recordedLines: readonly Line[] = Deno.readTextFileSync(
  new URL("../fixtures/recordings/api.jsonl", import.meta.url),
).trimEnd().split("\n").map((line) => JSON.parse(line) as Line);

/** The frames that belong to the call with this label. */
export function framesOf(label: string, dir: "tx" | "rx"): RecordedFrame[] {
  const start = recordedLines.findIndex((line) => line.dir === "label" && line.label === label);
  if (start < 0) throw new Error(`no recording of "${label}"`);
  const rest = recordedLines.slice(start + 1);
  const end = rest.findIndex((line) => line.dir === "label");
  return rest.slice(0, end < 0 ? rest.length : end).flatMap((line) =>
    line.dir === dir ? [line as RecordedFrame] : []
  );
}

/** What VPP's own client decoded as the reply to the call with this label. */
export function decodedReply(label: string): unknown {
  for (const line of recordedLines) if (line.dir === "decoded" && line.label === label) return line.reply;
  throw new Error(`no decoded reply of "${label}"`);
}

/** A recorded stats segment, unpacked. */
export async function recordedSegment(
  name: "stats-1thread" | "stats-2threads",
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await Deno.open(new URL(`../fixtures/recordings/${name}.bin.gz`, import.meta.url));
  const stream = file.readable.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

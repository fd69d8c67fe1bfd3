/** What a handler answers with. */
export interface Answering {
  /** Makes the response. */
  body(
    octets: ReadableStream<Uint8Array<ArrayBuffer>>,
    status: 200,
    headers: Record<string, string>,
  ): Response;
}

/** The type of an answer, as Hono's routes compare it with their schema; no such fields exist. */
export interface AnswerType<T> {
  /** What the text stands for. */
  readonly _data: T;
  /** Its status. */
  readonly _status: 200;
  /** Its format. */
  readonly _format: "json";
}

const encoder = new TextEncoder();
/** By answer, the octets of its JSON. */
const answers = new WeakMap<object, Uint8Array<ArrayBuffer>>();
/** By item of a list, its JSON. */
const items = new WeakMap<object, string>();

function itemText(item: unknown): string | undefined {
  if (typeof item !== "object" || item === null) return JSON.stringify(item);
  const known = items.get(item);
  if (known !== undefined) return known;
  const text = JSON.stringify(item);
  items.set(item, text);
  return text;
}

/** The JSON of an answer. An item of one of its lists that was in an answer before is not made into text again. */
function textOf(answer: object): string {
  if ("toJSON" in answer || Array.isArray(answer)) return JSON.stringify(answer);
  const fields: string[] = [];
  for (const [name, value] of Object.entries(answer)) {
    const text = Array.isArray(value)
      ? `[${value.map((item) => itemText(item) ?? "null").join(",")}]`
      : JSON.stringify(value);
    if (text !== undefined) fields.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${fields.join(",")}}`;
}

/**
 * Answers with JSON, like `c.json`. An answer that several callers get together is made into octets once, which are not
 * copied for each of them. Nothing in it may change afterwards.
 */
export function sharedJson<T extends object>(c: Answering, value: T): Response & AnswerType<T> {
  const octets = answers.get(value) ?? encoder.encode(textOf(value));
  answers.set(value, octets);
  const headers = { "content-type": "application/json", "content-length": String(octets.length) };
  return c.body(ReadableStream.from([octets]), 200, headers) as Response & AnswerType<T>;
}

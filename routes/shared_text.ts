/** What a handler answers with. */
export interface Answering {
  /** Makes the response. */
  body(text: string, status: 200, headers: Record<string, string>): Response;
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

/** By answer, its JSON. */
const texts = new WeakMap<object, string>();

/** Answers with JSON, like `c.json`. An answer that several callers get together is made into text once. */
export function sharedJson<T extends object>(c: Answering, value: T): Response & AnswerType<T> {
  const text = texts.get(value) ?? JSON.stringify(value);
  texts.set(value, text);
  return c.body(text, 200, { "content-type": "application/json" }) as Response & AnswerType<T>;
}

/** Holds answers to the OpenAPI document. */
import assert from "node:assert/strict";
import { sseFrames } from "../../src/sse.ts";
import type { Judge, Operation } from "./document.ts";

/** Makes a judge of the schema at a JSON pointer into the document. */
export type JudgeAt = (pointer: readonly string[]) => Judge;

/** Which operation a path really is: URLs are normalised before anybody routes them. */
export function operationAt(
  operations: readonly Operation[],
  method: string,
  pathname: string,
): Operation | "path" | null {
  const at = operations.filter((operation) =>
    new RegExp(`^${operation.path.replaceAll(".", "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`).test(pathname)
  );
  const wanted = method === "HEAD" ? "GET" : method;
  return at.find((operation) => operation.method === wanted) ?? (at.length > 0 ? "path" : null);
}

/** Every frame of a stream that ends is what the document says of its kind. */
export async function checkEvents(answer: Response, judgeAt: JudgeAt, id: RegExp): Promise<number> {
  assert.match(answer.headers.get("content-type") ?? "", /^text\/event-stream/);
  assert.ok(answer.body !== null);
  let frames = 0;
  for await (const frame of sseFrames(answer.body)) {
    frames++;
    const component = `${frame.event.slice(0, 1).toUpperCase()}${frame.event.slice(1)}Event`;
    assert.equal(judgeAt(["components", "schemas", component])(JSON.parse(frame.data)), null, frame.data);
    assert.match(frame.id, id);
  }
  return frames;
}

/** An answer's status and media type are documented for the operation, and its body fits its schema. */
export async function checkAnswer(
  answer: Response,
  operation: Operation,
  head: boolean,
  judgeAt: JudgeAt,
): Promise<void> {
  const { status } = answer;
  const documented = operation.responses[String(status)];
  assert.ok(documented !== undefined, `${status} is not documented for ${operation.operationId}`);
  const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const content = documented.content?.[type];
  assert.ok(content !== undefined, `${status} ${type} is not documented for ${operation.operationId}`);
  if (head) return assert.equal(await answer.text(), "");
  const text = await answer.text();
  const body = type.endsWith("json") ? JSON.parse(text) : text;
  const pointer = [
    "paths",
    operation.path,
    operation.method.toLowerCase(),
    "responses",
    String(status),
    "content",
    type,
    "schema",
  ];
  const fault = judgeAt(pointer)(body);
  assert.equal(fault, null, `${status} ${operation.operationId}: ${text.slice(0, 2000)}`);
  if (status >= 400) checkProblem(answer, body);
}

/** A problem document with the headers that belong to its status. */
export function checkProblem(
  answer: Response,
  problem: { type: string; status: number; errors?: unknown[] },
): void {
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.match(problem.type, /^urn:maglev:problem:[a-z-]+$/);
  assert.equal(problem.status, answer.status);
  if (answer.status === 503) assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/);
  if (answer.status === 401) assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
  if (answer.status === 405) assert.match(answer.headers.get("allow") ?? "", /^[A-Z]+(, [A-Z]+)*$/);
  if (answer.status === 400 || answer.status === 422) {
    assert.ok(
      (problem.errors ?? []).length > 0,
      `${answer.status} has no errors: ${JSON.stringify(problem)}`,
    );
  }
}

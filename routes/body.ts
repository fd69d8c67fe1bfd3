/**
 * Request bodies: their size, their media type, and the places of mistakes in JSON.
 *
 * @module
 */
import { bodyLimit } from "hono/body-limit";
import type { Middleware } from "./env.ts";
import { FINDINGS_LIMIT, limitFindings } from "../src/config/findings.ts";
import { duplicateKeys } from "./json_keys.ts";
import { finding, ProblemError } from "./problem.ts";

/** Largest body in bytes. */
export const maxBodyBytes = 1024 * 1024;

/** Refuses larger bodies, whether they say their length or not. */
export const limitBody: Middleware = bodyLimit({
  maxSize: maxBodyBytes,
  onError: () => {
    throw new ProblemError("too-large", `A body may have at most ${maxBodyBytes} bytes`);
  },
});

/** Refuses a body in another encoding than its own, before anybody reads it. */
export function checkContentEncoding(headers: Headers): void {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  throw new ProblemError(
    "unsupported-media-type",
    `A body must not be encoded, not even as "${encoding}"`,
    {},
    { "accept-encoding": "identity" },
  );
}

/** Whether a request came with a body by what its headers say: a web Request with GET or HEAD cannot carry one. */
export function announcesBody(headers: Headers): boolean {
  return headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0";
}

/**
 * The problem of a body where none is taken. It may hold what its sender believes to have an effect, such as
 * `{"dry_run": true}`, so it is not ignored.
 */
export function unwantedBody(method: string, headers: Headers): ProblemError {
  const type = mediaType(headers);
  const what = isJson(type) || type === "" ? "" : ` of type "${type}"`;
  const detail = `This ${method} takes no body${what}`;
  if (!isJson(type)) return new ProblemError("unsupported-media-type", detail);
  return new ProblemError("invalid", detail, { errors: [finding("", "no body is taken here")] });
}

function isJson(type: string): boolean {
  return type === "application/json" || type.endsWith("+json");
}

/** Refuses every body but an empty one. */
export const noBody: Middleware = async (c, next) => {
  const bytes = await c.req.raw.arrayBuffer();
  if (bytes.byteLength > 0) throw unwantedBody(c.req.method, c.req.raw.headers);
  await next();
};

function mediaType(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ProblemError("bad-request", "The body is not UTF-8", {
      errors: [finding("", "the body is not UTF-8")],
    });
  }
}

/** Reads a body of one of the media types; "" when there is none. */
export async function readText(request: Request, types: readonly string[]): Promise<string> {
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength === 0) return "";
  const type = mediaType(request.headers);
  if (!types.includes(type)) {
    throw new ProblemError(
      "unsupported-media-type",
      `The body must be ${types.join(" or ")}, not "${type}"`,
      {},
      { "accept": types.join(", ") },
    );
  }
  return decode(bytes);
}

function jsonMistake(text: string): ProblemError | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const place = /\(line (\d+) column (\d+)\)/.exec(error.message);
    const message = error.message.replace(/ \(line \d+ column \d+\)$/, "");
    const where = {
      line: place === null ? null : Number(place[1]),
      column: place === null ? null : Number(place[2]),
    };
    return new ProblemError("bad-request", "The body is no JSON", {
      errors: [{ ...finding("", message), ...where }],
    });
  }
}

/** Refuses a key that is given twice in one object. */
function checkKeys(text: string): void {
  const { first, total } = duplicateKeys(text, FINDINGS_LIMIT);
  const [one] = first;
  if (one === undefined) return;
  const message = "is given twice in the same object";
  const errors = first.map(({ path, line, column }) => ({ ...finding(path, message), line, column }));
  const more = total === 1 ? "" : `, and ${total - 1} more`;
  throw new ProblemError("invalid", `${one.path}: ${message}${more}`, {
    errors: limitFindings(errors, total),
  });
}

/** Lets JSON bodies pass and refuses everything else; an absent body becomes `whenEmpty`, or is refused if that is null. */
export function jsonBody(whenEmpty: string | null): Middleware {
  return async (c, next) => {
    const text = await readText(c.req.raw, ["application/json"]) || whenEmpty;
    if (text === null) {
      throw new ProblemError("bad-request", "A JSON body is needed", {
        errors: [finding("", "the body is missing")],
      });
    }
    const mistake = jsonMistake(text);
    if (mistake !== null) throw mistake;
    checkKeys(text);
    const { url, method, headers } = c.req.raw;
    const plain = new Headers(headers);
    plain.set("content-type", "application/json");
    plain.delete("content-length");
    // The validator reads the request again, so it gets one whose body is whole, checked and never absent.
    c.req.raw = new Request(url, { method, headers: plain, body: text });
    await next();
  };
}

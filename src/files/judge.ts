/**
 * Whether what a unit's files hold can be used. Pure.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { err, ok, type Result } from "../result.ts";
import type { FileUnit, Wrong } from "./unit.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^]*?-----END \1-----/;
const MARK = /^-----(BEGIN|END) ([A-Z0-9 ]+)-----[ \t\r]*$/gm;

/**
 * Judges the files of a unit.
 *
 * @param texts their texts in the order of the paths, or why they could not be read
 * @returns nothing if they can be used
 */
export function judgeUnit({ kind, paths }: FileUnit, texts: readonly Result<string, string>[]): Wrong[] {
  const [first = err("no such file"), second = err("no such file")] = texts;
  switch (kind) {
    case "authorities":
      return wrongs(then(first, certificateIn));
    case "key":
      return wrongs(then(first, privateKeyIn));
    case "secret":
      return wrongs(then(first, secret));
    case "pair": {
      const certificate = then(first, certificateIn);
      const key = then(second, privateKeyIn);
      if (!certificate.ok || !key.ok || certificate.value.checkPrivateKey(key.value)) {
        return wrongs(certificate, key);
      }
      return [{ at: 1, why: `it is not the key of the certificate in ${JSON.stringify(paths[0])}` }];
    }
  }
}

function then<T>(text: Result<string, string>, read: (text: string) => Result<T, string>): Result<T, string> {
  return text.ok ? read(text.value) : text;
}

function wrongs(...verdicts: readonly Result<unknown, string>[]): Wrong[] {
  return verdicts.flatMap((verdict, at) => verdict.ok ? [] : [{ at, why: verdict.error }]);
}

/** Whether each PEM block that a text begins is there to its end: a file that is being written is cut somewhere. */
function whole(text: string): boolean {
  const marks = [...text.matchAll(MARK)].map(([, mark, label]) => `${mark} ${label}`);
  const pairs = marks.every((mark, at) =>
    at % 2 === 0 ? mark.startsWith("BEGIN") : mark === endOf(marks[at - 1])
  );
  return pairs && marks.length % 2 === 0 && !isCutMark(text.slice(text.lastIndexOf("\n") + 1));
}

function endOf(begin: string | undefined): string {
  return (begin ?? "").replace("BEGIN", "END");
}

/** Whether a last line is the beginning of a mark. */
function isCutMark(line: string): boolean {
  if (line === "") return false;
  return ["-----BEGIN ", "-----END "].some((mark) => mark.startsWith(line)) ||
    /^-----(BEGIN|END) [A-Z0-9 ]*-{0,4}$/.test(line);
}

/** The first certificate of a PEM text in which every certificate is whole and can be parsed. */
export function certificateIn(text: string): Result<X509Certificate, string> {
  if (text.trim() === "") return err("the file is empty");
  let first: X509Certificate | null = null;
  let count = 0;
  for (const [block] of text.matchAll(CERTIFICATE)) {
    count++;
    try {
      const certificate = new X509Certificate(block);
      first ??= certificate;
    } catch {
      // The library's words name its own parser's states, which help nobody.
      return err(`certificate ${count} of the file cannot be parsed`);
    }
  }
  if (!whole(text)) return err("the file ends within a certificate");
  return first === null ? err("the file holds no PEM certificate") : ok(first);
}

/** The private key of a PEM text, which may hold certificates, too. */
export function privateKeyIn(text: string): Result<KeyObject, string> {
  if (text.trim() === "") return err("the file is empty");
  const block = PRIVATE_KEY.exec(text)?.[0];
  if (!whole(text)) return err("the file ends within the private key");
  if (block === undefined) return err("the file holds no PEM private key");
  // Asked first: the library would want a passphrase from the terminal.
  if (/ENCRYPTED/.test(block)) return err("the private key is encrypted");
  try {
    return ok(createPrivateKey(block));
  } catch {
    return err("the private key cannot be parsed");
  }
}

/** The secret of a text: one line of visible characters, without the line's end. */
function secret(text: string): Result<string, string> {
  const line = text.replace(/\r?\n$/, "");
  if (line === "") return err("the file is empty");
  return /\p{Cc}/u.test(line) ? err("the file holds more than one line") : ok(line);
}

/**
 * The certificates of a CA file that maglevc was given.
 *
 * @module
 */
import { err, ok, type Result } from "../result.ts";

/** Length of the DER value whose tag is at `at`: header and content in octets, or null if it does not fit. */
function derLength(
  bytes: Uint8Array,
  at: number,
  end: number,
  tag: number,
): { head: number; size: number } | null {
  if (at + 2 > end || bytes[at] !== tag) return null;
  const first = bytes[at + 1] ?? 0;
  let head = 2;
  let content = first;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets < 1 || octets > 3 || at + 2 + octets > end) return null;
    content = 0;
    for (let i = 0; i < octets; i++) content = content * 256 + (bytes[at + 2 + i] ?? 0);
    head += octets;
  }
  return at + head + content <= end ? { head, size: head + content } : null;
}

const sequence = 0x30;
const bitString = 0x03;

/** Whether octets have the outer form of RFC 5280's Certificate: a SEQUENCE of SEQUENCE, SEQUENCE, BIT STRING. */
function isCertificate(bytes: Uint8Array): boolean {
  const whole = derLength(bytes, 0, bytes.length, sequence);
  if (whole === null || whole.size !== bytes.length) return false;
  let at = whole.head;
  for (const tag of [sequence, sequence, bitString]) {
    const part = derLength(bytes, at, bytes.length, tag);
    if (part === null) return false;
    at += part.size;
  }
  return at === bytes.length;
}

/**
 * The PEM certificates of a CA file. Deno leaves out silently what it cannot read, so a file of rubbish would look
 * like an unknown CA.
 *
 * @returns the certificates, one PEM text each, or why there are none, as the end of a sentence about the file
 */
export function readCaCertificates(text: string): Result<string[], string> {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = text.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.length < begun.length) {
    return err(
      begun.length > blocks.length
        ? `certificate ${blocks.length + 1} in it cannot be read`
        : "there is no PEM certificate in it (-----BEGIN CERTIFICATE-----)",
    );
  }
  for (const [i, block] of blocks.entries()) {
    const base64 = block.replace(/-----[A-Z ]+-----/g, "");
    let bytes: Uint8Array;
    try {
      bytes = Uint8Array.fromBase64(base64);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return err(`certificate ${i + 1} in it cannot be read`);
    }
    if (!isCertificate(bytes)) return err(`certificate ${i + 1} in it cannot be read`);
  }
  return ok(blocks);
}

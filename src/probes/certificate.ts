import type { CertificateFacts } from "../../ffi/x509.ts";
import type { LeafCertificate, UnixMillis } from "../model.ts";
import { ipFromOctets } from "../net/ip.ts";

/** Characters of a name that are kept; those of certificates in use are far shorter. */
const NAME_LENGTH = 256;

/**
 * A text of a certificate for people: what could move a cursor or turn a line round is escaped, and what is too long
 * for a line is cut. Whoever made the certificate chose the text.
 */
export function cleaned(text: string): string {
  const plain = text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return plain.length <= NAME_LENGTH ? plain : `${plain.slice(0, NAME_LENGTH)}\u2026`;
}

/** What a certificate is valid for: its names, then its addresses. */
export function validFor({ dnsNames, addresses }: CertificateFacts): string[] {
  const literals = addresses.filter(({ length }) => length === 4 || length === 16).map(ipFromOctets);
  return [...dnsNames.map(cleaned), ...literals];
}

/** Second of a time as an operator reads it, `2027-01-31 12:00:00 UTC`. */
export function moment(at: UnixMillis): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A peer's own certificate as it is shown and kept; null if its dates cannot be read. */
export function leafCertificate(facts: CertificateFacts): LeafCertificate | null {
  const { notBefore, notAfter } = facts;
  if (notBefore === null || notAfter === null) return null;
  return {
    subject: cleaned(facts.subject),
    issuer: cleaned(facts.issuer),
    names: validFor(facts),
    notBefore,
    notAfter,
  };
}

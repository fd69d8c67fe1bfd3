/**
 * Why TLS with a backend failed, in one sentence that says what is wrong and with which certificate. Pure. The reasons
 * are OpenSSL's own: a verify error (`X509_V_ERR_*`), an alert of the peer, or an error of libssl (`SSL_R_*`).
 *
 * @module
 */
import type { OpensslError } from "../../ffi/openssl.ts";
import { N, SSL_R, X509_V } from "../../ffi/openssl_constants.ts";
import { CHAIN_LIMIT, DEPTH_LIMIT } from "../../ffi/tls.ts";
import { type CertificateFacts, type Refusal, USAGE } from "../../ffi/x509.ts";
import { cleaned, moment, validFor } from "./certificate.ts";

/** Names that a sentence lists before it only counts them. */
const LISTED = 5;

/** What a sentence needs to know beside the reason. */
export interface Wanted {
  /** Name or address that the certificate must be valid for. */
  readonly checked: string;
  /** Whether certificates are trusted by `ca-file`, and not by those of the system. */
  readonly caFile: boolean;
}

/** The sentence for certificates that are refused. */
export function refusalSentence(refusal: Refusal, wanted: Wanted): string {
  const { certificate, depth } = refusal;
  const sentence = REFUSALS[refusal.code];
  if (sentence !== undefined) return sentence(refusal, wanted);
  return `${place(depth)} is refused: ${refusal.words} (${named(certificate)})`;
}

type Sentence = (refusal: Refusal, wanted: Wanted) => string;

const REFUSALS: Readonly<Record<number, Sentence>> = {
  [X509_V.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT]: unknownAuthority,
  [X509_V.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY]: unknownAuthority,
  [X509_V.X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE]: unknownAuthority,
  [X509_V.X509_V_ERR_CERT_SIGNATURE_FAILURE]: anotherKey,
  [X509_V.X509_V_ERR_CERT_NOT_YET_VALID]: ({ certificate, depth }) =>
    `${place(depth)} is not yet valid: ${named(certificate)} begins ${when(certificate.notBefore)}`,
  [X509_V.X509_V_ERR_CERT_HAS_EXPIRED]: ({ certificate, depth }) =>
    `${place(depth)} has expired: ${named(certificate)} ended ${when(certificate.notAfter)}`,
  [X509_V.X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT]: ({ certificate }, wanted) =>
    `self-signed certificate: ${named(certificate)} is not ${trustedBy(wanted)}`,
  [X509_V.X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN]: ({ certificate }, wanted) =>
    `certificate signed by an unknown authority: ${
      named(certificate)
    }, the root that the server sent, is not ` +
    trustedBy(wanted),
  [X509_V.X509_V_ERR_CERT_CHAIN_TOO_LONG]: () =>
    `chain of certificates is too long: more than ${DEPTH_LIMIT} between the server's and a trusted one`,
  [X509_V.X509_V_ERR_PATH_LENGTH_EXCEEDED]: ({ certificate }) =>
    `chain of certificates is longer than ${named(certificate)} allows`,
  [X509_V.X509_V_ERR_INVALID_PURPOSE]: ({ certificate, depth }) =>
    `${place(depth)} is not for TLS servers: ${named(certificate)} ${purpose(certificate)}`,
  [X509_V.X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION]: ({ certificate, depth }) =>
    `${place(depth)} has an unknown critical extension: ${certificate.unknownExtension ?? "?"} in ` +
    named(certificate),
  [X509_V.X509_V_ERR_KEYUSAGE_NO_CERTSIGN]: noAuthority,
  [X509_V.X509_V_ERR_INVALID_CA]: noAuthority,
  [X509_V.X509_V_ERR_PERMITTED_VIOLATION]: constrained,
  [X509_V.X509_V_ERR_EXCLUDED_VIOLATION]: constrained,
  [X509_V.X509_V_ERR_HOSTNAME_MISMATCH]: anotherName,
  [X509_V.X509_V_ERR_IP_ADDRESS_MISMATCH]: anotherName,
  [X509_V.X509_V_ERR_EE_KEY_TOO_SMALL]: keyTooShort,
  [X509_V.X509_V_ERR_CA_KEY_TOO_SMALL]: keyTooShort,
  [X509_V.X509_V_ERR_CA_MD_TOO_WEAK]: ({ certificate, depth, securityLevel }) =>
    `${place(depth)} has a signature that is too weak: ${named(certificate)} is signed with ` +
    `${certificate.signature} (security level ${securityLevel} of this system)`,
};

function anotherKey({ certificate }: Refusal, wanted: Wanted): string {
  return `certificate is forged, or its CA has another key now: ${
    named(certificate)
  } is not signed by the key of ` +
    `${issuer(certificate)} that is ${trustedBy(wanted)}`;
}

function unknownAuthority(refusal: Refusal, wanted: Wanted): string {
  const { certificate, sent, namesake } = refusal;
  if (namesake) return anotherKey(refusal, wanted);
  const unknown = `certificate signed by an unknown authority: ${issuer(certificate)} is not ${
    trustedBy(wanted)
  }`;
  if (sent > 1) return unknown;
  return `${unknown}, and the server sends no certificate of it (an intermediate may be missing)`;
}

function noAuthority({ certificate, depth }: Refusal): string {
  const version = certificate.version < 3 ? `, as no certificate of version ${certificate.version} is` : "";
  return `${place(depth)} is not one of a CA, but signs others: ${named(certificate)} is none${version}`;
}

function constrained({ certificate, constrainedBy }: Refusal): string {
  const by = constrainedBy === null ? "a CA of the chain" : cleaned(constrainedBy);
  return `certificate breaks a name constraint: ${by} may not sign for ${named(certificate)} (${
    list(validFor(certificate))
  })`;
}

function anotherName({ leaf }: Refusal, { checked }: Wanted): string {
  const names = validFor(leaf);
  // Only where it has no name at all does OpenSSL look at the subject.
  const what = names.length === 0 ? `but names only ${named(leaf)}` : `but for ${list(names)}`;
  return `certificate is not valid for ${checked}, ${what}`;
}

function keyTooShort({ certificate, depth, securityLevel }: Refusal): string {
  return `${
    place(depth)
  } has a key that is too short: ${certificate.keyType} of ${certificate.keyBits} bits in ` +
    `${named(certificate)} (security level ${securityLevel} of this system)`;
}

/** The sentence for a certificate with an RSA key over the limit. */
export function keyTooLong(bits: number, limit: number): string {
  return `certificate has a key that is too long: RSA of ${bits} bits, at most ${limit} are taken`;
}

function place(depth: number): string {
  return depth === 0 ? "certificate" : "certificate of a CA in the chain";
}

function named({ subject }: CertificateFacts): string {
  return subject === "" ? "(no subject)" : cleaned(subject);
}

function issuer({ issuer }: CertificateFacts): string {
  return issuer === "" ? "(no issuer)" : cleaned(issuer);
}

function when(at: number | null): string {
  return at === null ? "at a time that cannot be read" : moment(at);
}

function trustedBy({ caFile }: Wanted): string {
  return caFile ? "in ca-file" : "trusted by this system";
}

function list(names: readonly string[]): string {
  if (names.length === 0) return "no name";
  const more = names.length - LISTED;
  return names.slice(0, LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function purpose({ usage }: CertificateFacts): string {
  if ((usage & USAGE["TLS servers"]) !== 0) return "has a key usage without them";
  const uses = Object.entries(USAGE).filter(([, bit]) => (usage & bit) !== 0).map(([name]) => name);
  return uses.length === 0 ? "is for other uses" : `is for ${uses.join(", ")}`;
}

/** Alerts of TLS by number (RFC 8446, section 6, and the registry of IANA). */
const ALERTS: Readonly<Record<number, string>> = {
  10: "unexpected message",
  20: "bad record mac",
  21: "decryption failed",
  22: "record overflow",
  30: "decompression failure",
  40: "handshake failure",
  41: "no certificate",
  42: "bad certificate",
  43: "unsupported certificate",
  44: "certificate revoked",
  45: "certificate expired",
  46: "certificate unknown",
  47: "illegal parameter",
  48: "unknown ca",
  49: "access denied",
  50: "decode error",
  51: "decrypt error",
  60: "export restriction",
  70: "protocol version",
  71: "insufficient security",
  80: "internal error",
  86: "inappropriate fallback",
  90: "user canceled",
  100: "no renegotiation",
  109: "missing extension",
  110: "unsupported extension",
  111: "certificate unobtainable",
  112: "unrecognized name",
  113: "bad certificate status response",
  114: "bad certificate hash value",
  115: "unknown psk identity",
  116: "certificate required",
  120: "no application protocol",
};

/** Number of the alert "handshake failure": nothing that both sides can. */
export const HANDSHAKE_FAILURE = 40;

/** What helps, by alert. */
const ALERT_HINTS: Readonly<Record<number, string>> = {
  70: "the server speaks neither TLS 1.2 nor TLS 1.3",
  112: "set server-name",
  116: "set cert-file and key-file",
};

/** Number of the alert that a peer sent; null if the error is another. */
export function alertOf(error: OpensslError | null): number | null {
  if (error === null || error.library !== N.ERR_LIB_SSL) return null;
  const number = error.reason - SSL_R.SSL_AD_REASON_OFFSET;
  return number >= 0 && number <= 255 ? number : null;
}

/** The sentence for an alert. */
export function alertSentence(alert: number): string {
  const hint = ALERT_HINTS[alert];
  return `TLS alert: ${ALERTS[alert] ?? alert}${hint === undefined ? "" : ` (${hint})`}`;
}

/** The sentence for a server that agreed on everything, showed its certificate, and then failed the handshake. */
export const LATE_FAILURE =
  "TLS alert: handshake failure (after the server's certificate: it may want the client's, see cert-file and key-file)";

/** The sentence for a server that agrees on finite-field Diffie-Hellman only. */
export const ONLY_DHE =
  "TLS alert: handshake failure (the server offers DHE key exchange only, which can hold up other probes and is not used)";

/** Reasons of libssl with words of their own. */
const REASONS: Readonly<Record<number, string>> = {
  [SSL_R.SSL_R_BAD_SIGNATURE]: "the server's key does not fit its certificate",
  [SSL_R.SSL_R_EXCESSIVE_MESSAGE_SIZE]: `certificates over ${CHAIN_LIMIT / 1024} KiB`,
  [SSL_R.SSL_R_UNSUPPORTED_PROTOCOL]: "the server speaks neither TLS 1.2 nor TLS 1.3",
  // OpenSSL looks for these signatures before TLS 1.2 only.
  [SSL_R.SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED]:
    "the server speaks TLS 1.0 or 1.1 only, which the security level of this system forbids",
  [SSL_R.SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED]:
    "the server lacks secure renegotiation (RFC 5746), which this system asks for",
};

/** Whether an error is this one of libssl (`SSL_R`). */
export function isReason(error: OpensslError | null, reason: number): boolean {
  return error !== null && error.library === N.ERR_LIB_SSL && error.reason === reason;
}

/** The sentence for an error of libssl that is neither an alert nor about certificates. */
export function errorSentence(error: OpensslError): string {
  const known = error.library === N.ERR_LIB_SSL ? REASONS[error.reason] : undefined;
  return known === undefined ? `TLS: ${error.text}` : `TLS: ${known}`;
}

/** Whether octets are the beginning of an alert, so that the peer agreed on nothing. */
export function isAlert([type]: Uint8Array): boolean {
  return type === 21;
}

/** Whether octets can be the beginning of TLS: a record of a known kind (RFC 8446, section 5.1). */
export function looksLikeTls(octets: Uint8Array): boolean {
  const [type = 0, major = 3] = octets;
  return type >= 20 && type <= 24 && major === 3;
}

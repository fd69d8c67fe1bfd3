/**
 * What is in a peer's certificates, and why OpenSSL refuses them.
 *
 * @module
 */
import { cString } from "./libc.ts";
import { N } from "./openssl_constants.ts";
import { made, type Openssl, text } from "./openssl.ts";
import type { TlsClient } from "./tls.ts";

/** `struct tm` of the C library; its first six fields are 32-bit integers. */
const TM_SIZE = 56;
/** Second member of an enum without numbers. */
const X509_LU_X509 = 1;
const SSL_SERVER = cString("ssl_server");

/**
 * How a name is written: the most special part first, as in `CN=www.example.net, O=Example, C=CH`. RFC 2253 with a
 * space behind each comma, and with characters beyond ASCII as they are (ASN1_STRFLGS_ESC_MSB left out).
 */
const NAME_FLAGS = BigInt(
  N.ASN1_STRFLGS_ESC_2253 | N.ASN1_STRFLGS_ESC_CTRL | N.ASN1_STRFLGS_UTF8_CONVERT |
    N.ASN1_STRFLGS_DUMP_UNKNOWN |
    N.ASN1_STRFLGS_DUMP_DER | N.XN_FLAG_SEP_CPLUS_SPC | N.XN_FLAG_DN_REV | N.XN_FLAG_DUMP_UNKNOWN_FIELDS,
);

/** Alternative names of a certificate that are read; some hold thousands. */
const NAMES_LIMIT = 100;

/** A certificate in words and numbers. Texts are the certificate's own: not cleaned, and of any length. */
export interface CertificateFacts {
  /** E.g. `CN=www.example.net, O=Example`; "" if it has none. */
  readonly subject: string;
  /** The same of who signed it. */
  readonly issuer: string;
  /** DNS names that it is valid for, the first hundred of all names. */
  readonly dnsNames: readonly string[];
  /** Addresses that it is valid for, 4 or 16 octets each. */
  readonly addresses: readonly Uint8Array[];
  /** Begin of its time, unix time in ms; null if the field is malformed. */
  readonly notBefore: number | null;
  /** End of its time, unix time in ms; null if the field is malformed. */
  readonly notAfter: number | null;
  /** 1, 2 or 3. */
  readonly version: number;
  /** Kind of its key, e.g. `RSA`; "" if the key cannot be read. */
  readonly keyType: string;
  /** Length of its key in bits, 0 if it cannot be read. */
  readonly keyBits: number;
  /** How it is signed, e.g. `sha1WithRSAEncryption`. */
  readonly signature: string;
  /** What it may be used for, bits of `USAGE`; all of them if it does not say. */
  readonly usage: number;
  /** Extension that a verifier must understand, and OpenSSL does not: name or number; null if there is none. */
  readonly unknownExtension: string | null;
  /** Whether it limits the names of those that it signs. */
  readonly constrains: boolean;
}

/** Bits of `CertificateFacts.usage` (extended key usage). */
export const USAGE = {
  "TLS servers": N.XKU_SSL_SERVER,
  "TLS clients": N.XKU_SSL_CLIENT,
  "e-mail": N.XKU_SMIME,
  "code signing": N.XKU_CODE_SIGN,
  "OCSP": N.XKU_OCSP_SIGN,
  "time stamps": N.XKU_TIMESTAMP,
} as const;

/** A certificate of a peer, held. */
export class Certificate implements Disposable {
  readonly #openssl: Openssl;
  #pointer: Deno.PointerValue;

  /** Holds a certificate that somebody else may give up; for files of `ffi/`. */
  constructor(openssl: Openssl, pointer: Deno.PointerObject) {
    openssl.crypto.X509_up_ref(pointer);
    this.#openssl = openssl;
    this.#pointer = pointer;
  }

  /** Whether the peer's certificate of a connection is this one. */
  isOf(client: TlsClient): boolean {
    const leaf = leafOf(client);
    if (leaf === null || this.#pointer === null) return false;
    return this.#openssl.crypto.X509_cmp(leaf, this.#pointer) === 0;
  }

  /** Reads it. */
  get facts(): CertificateFacts {
    if (this.#pointer === null) throw new Error("Cannot read a certificate after its disposal");
    return factsOf(this.#openssl, this.#pointer);
  }

  /** Lets go of it. */
  [Symbol.dispose](): void {
    this.#openssl.crypto.X509_free(this.#pointer);
    this.#pointer = null;
  }
}

/** The certificate that the peer of a connection showed, trusted or not; null if it showed none. */
export function peerCertificate(client: TlsClient): Certificate | null {
  const leaf = leafOf(client);
  return leaf === null ? null : new Certificate(client.context.openssl, leaf);
}

function leafOf(client: TlsClient): Deno.PointerValue {
  const { ssl, crypto } = client.context.openssl;
  const leaf = ssl.SSL_get0_peer_certificate(client.pointer);
  if (leaf !== null) return leaf;
  // A certificate that was refused is only in the chain.
  const chain = ssl.SSL_get_peer_cert_chain(client.pointer);
  return chain === null ? null : crypto.OPENSSL_sk_value(chain, 0);
}

/** The longest RSA key of the certificates that the peer sent, in bits; 0 if there is none. */
export function longestRsaKey(client: TlsClient): number {
  const { ssl, crypto } = client.context.openssl;
  const chain = ssl.SSL_get_peer_cert_chain(client.pointer);
  let longest = 0;
  for (const certificate of members(client.context.openssl, chain)) {
    const key = crypto.X509_get0_pubkey(certificate);
    if (key !== null && text(crypto.EVP_PKEY_get0_type_name(key)).startsWith("RSA")) {
      longest = Math.max(longest, crypto.EVP_PKEY_get_bits(key));
    }
  }
  client.context.openssl.error();
  return longest;
}

/** Why a peer's certificates are refused. */
export interface Refusal {
  /** Number of the reason (`X509_V_ERR_*`); 0 if they are not refused. */
  readonly code: number;
  /** OpenSSL's words for it. */
  readonly words: string;
  /** Place of the certificate in question: 0 is the peer's own, 1 that of who signed it, and so on. */
  readonly depth: number;
  /** The certificate in question. */
  readonly certificate: CertificateFacts;
  /** The peer's own certificate. */
  readonly leaf: CertificateFacts;
  /** Number of certificates that the peer sent. */
  readonly sent: number;
  /** Subject of the certificate that limits names, if one in the chain does. */
  readonly constrainedBy: string | null;
  /** Whether there is a trusted certificate with the name of who signed the one in question. */
  readonly namesake: boolean;
  /** Level that the system asks for, as `SSL_CTX_set_security_level` counts. */
  readonly securityLevel: number;
}

/**
 * Verifies a peer's certificates once more by the rules of its connection, to learn which one is refused and why: the
 * handshake itself keeps no more than a number. Null if the peer sent none.
 */
export function whyRefused(client: TlsClient): Refusal | null {
  const { openssl } = client.context;
  const { ssl, crypto } = openssl;
  const sent = ssl.SSL_get_peer_cert_chain(client.pointer);
  const leaf = leafOf(client);
  if (sent === null || leaf === null) return null;
  // Its context may have been given up meanwhile; the connection itself keeps what it needs of it.
  const store = ssl.SSL_CTX_get_cert_store(ssl.SSL_get_SSL_CTX(client.pointer));
  const verifying = made(openssl, crypto.X509_STORE_CTX_new(), "memory");
  try {
    crypto.X509_STORE_CTX_init(verifying, store, leaf, sent);
    // The same settings in the same order as in the handshake (ssl_verify_cert_chain).
    const rules = crypto.X509_STORE_CTX_get0_param(verifying);
    const securityLevel = ssl.SSL_get_security_level(client.pointer);
    crypto.X509_VERIFY_PARAM_set_auth_level(rules, securityLevel);
    crypto.X509_STORE_CTX_set_default(verifying, SSL_SERVER);
    crypto.X509_VERIFY_PARAM_set1(rules, ssl.SSL_get0_param(client.pointer));
    crypto.X509_verify_cert(verifying);
    const code = crypto.X509_STORE_CTX_get_error(verifying);
    const current = crypto.X509_STORE_CTX_get_current_cert(verifying) ?? leaf;
    const chain = crypto.X509_STORE_CTX_get0_chain(verifying);
    const signer = crypto.X509_get_issuer_name(current);
    const namesake = crypto.X509_STORE_CTX_get_obj_by_subject(verifying, X509_LU_X509, signer);
    crypto.X509_OBJECT_free(namesake);
    return {
      code,
      words: text(crypto.X509_verify_cert_error_string(BigInt(code))),
      depth: crypto.X509_STORE_CTX_get_error_depth(verifying),
      certificate: factsOf(openssl, current),
      leaf: factsOf(openssl, leaf),
      sent: crypto.OPENSSL_sk_num(sent),
      constrainedBy: members(openssl, chain).map((one) => factsOf(openssl, one))
        .find(({ constrains }) => constrains)?.subject ?? null,
      namesake: namesake !== null,
      securityLevel,
    };
  } finally {
    crypto.X509_STORE_CTX_free(verifying);
    openssl.error();
  }
}

/** What a stack of OpenSSL's holds. */
function members({ crypto }: Openssl, stack: Deno.PointerValue): Deno.PointerObject[] {
  if (stack === null) return [];
  return Array.from(
    { length: Math.max(0, crypto.OPENSSL_sk_num(stack)) },
    (_, i) => crypto.OPENSSL_sk_value(stack, i),
  ).filter((one) => one !== null);
}

function factsOf(openssl: Openssl, certificate: Deno.PointerObject): CertificateFacts {
  const { crypto } = openssl;
  const key = crypto.X509_get0_pubkey(certificate);
  const facts = {
    subject: nameText(openssl, crypto.X509_get_subject_name(certificate)),
    issuer: nameText(openssl, crypto.X509_get_issuer_name(certificate)),
    ...alternativeNames(openssl, certificate),
    notBefore: time(openssl, crypto.X509_get0_notBefore(certificate)),
    notAfter: time(openssl, crypto.X509_get0_notAfter(certificate)),
    version: crypto.X509_get_version(certificate) + 1,
    keyType: key === null ? "" : text(crypto.EVP_PKEY_get0_type_name(key)),
    keyBits: key === null ? 0 : crypto.EVP_PKEY_get_bits(key),
    signature: text(crypto.OBJ_nid2ln(crypto.X509_get_signature_nid(certificate))),
    usage: crypto.X509_get_extended_key_usage(certificate),
    unknownExtension: unknownExtension(openssl, certificate),
    constrains: crypto.X509_get_ext_by_NID(certificate, N.NID_name_constraints, -1) >= 0,
  };
  // What is malformed leaves its errors behind.
  openssl.error();
  return facts;
}

function nameText(openssl: Openssl, name: Deno.PointerValue): string {
  const { crypto } = openssl;
  const bio = made(openssl, crypto.BIO_new(crypto.BIO_s_mem()), "memory");
  try {
    crypto.X509_NAME_print_ex(bio, name, 0, NAME_FLAGS);
    const octets = new Uint8Array(crypto.BIO_ctrl_pending(bio));
    crypto.BIO_read(bio, octets, octets.length);
    return new TextDecoder().decode(octets);
  } finally {
    crypto.BIO_free(bio);
  }
}

function time({ crypto }: Openssl, value: Deno.PointerValue): number | null {
  const tm = new Int32Array(TM_SIZE / 4);
  if (value === null || crypto.ASN1_TIME_to_tm(value, tm) !== 1) return null;
  const [seconds = 0, minutes = 0, hours = 0, day = 0, month = 0, year = 0] = tm;
  // Date.UTC takes years below 100 for those of the last century.
  const date = new Date(0);
  date.setUTCFullYear(1900 + year, month, day);
  return date.setUTCHours(hours, minutes, seconds);
}

function alternativeNames(
  openssl: Openssl,
  certificate: Deno.PointerObject,
): Pick<CertificateFacts, "dnsNames" | "addresses"> {
  const { crypto } = openssl;
  const dnsNames: string[] = [];
  const addresses: Uint8Array[] = [];
  const names = crypto.X509_get_ext_d2i(certificate, N.NID_subject_alt_name, null, null);
  if (names === null) return { dnsNames, addresses };
  const kind = new Int32Array(1);
  for (const name of members(openssl, names).slice(0, NAMES_LIMIT)) {
    const value = crypto.GENERAL_NAME_get0_value(name, kind);
    if (kind[0] === N.GEN_DNS) dnsNames.push(new TextDecoder("latin1").decode(octetsOf(openssl, value)));
    if (kind[0] === N.GEN_IPADD) addresses.push(octetsOf(openssl, value));
  }
  crypto.GENERAL_NAMES_free(names);
  return { dnsNames, addresses };
}

/** A copy of a string of ASN.1. */
function octetsOf({ crypto }: Openssl, value: Deno.PointerValue): Uint8Array {
  const data = value === null ? null : crypto.ASN1_STRING_get0_data(value);
  const length = value === null ? 0 : crypto.ASN1_STRING_length(value);
  if (data === null || length === 0) return new Uint8Array();
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(data, length).slice(0));
}

function unknownExtension({ crypto }: Openssl, certificate: Deno.PointerObject): string | null {
  for (let i = 0; i < crypto.X509_get_ext_count(certificate); i++) {
    const extension = crypto.X509_get_ext(certificate, i);
    if (crypto.X509_EXTENSION_get_critical(extension) !== 1) continue;
    if (crypto.X509_supported_extension(extension) === 1) continue;
    const octets = new Uint8Array(128);
    crypto.OBJ_obj2txt(octets, octets.length, crypto.X509_EXTENSION_get_object(extension), 0);
    return new TextDecoder().decode(octets.subarray(0, octets.indexOf(0)));
  }
  return null;
}

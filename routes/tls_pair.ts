/**
 * The certificate and key of the HTTPS listeners: whether they can be served. Asked before they are used, because a
 * server finds out only at a handshake, and then tells nobody but the client.
 *
 * @module
 */
import type { KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
import { certificateIn, privateKeyIn } from "../src/files/judge.ts";
import { err, ok, type Result } from "../src/result.ts";

/** Certificate (with its chain) and key, as PEM texts. One text may hold both. */
export interface TlsPair {
  /** Certificate and chain. */
  readonly cert: string;
  /** Private key. */
  readonly key: string;
}

/** What is wrong with a pair, and with which of the two files. */
export interface TlsMistake {
  /** The file that is wrong. */
  readonly part: keyof TlsPair;
  /** The end of a sentence about that file. */
  readonly detail: string;
}

const servedCurves: readonly unknown[] = ["prime256v1", "secp384r1", "secp521r1"];

/** Why a key cannot sign a handshake of this server; null: it can. */
function whyNotServed({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | null {
  const served = "RSA of 2048 bits or more, P-256, P-384, P-521 and Ed25519 can be served";
  switch (type) {
    case "rsa": {
      const bits = details?.modulusLength ?? 0;
      return bits >= 2048 ? null : `the RSA key of ${bits} bits is too short: ${served}`;
    }
    case "ec": {
      const curve = details?.namedCurve;
      return servedCurves.includes(curve) ? null : `the curve ${curve} cannot be served: ${served}`;
    }
    case "ed25519":
      return null;
    default:
      return `keys of type ${type ?? "unknown"} cannot be served: ${served}`;
  }
}

/** Takes a pair that can be served; says what is wrong with another. Never throws. */
export function tlsPair(cert: string, key: string): Result<TlsPair, TlsMistake> {
  const certificate = certificateIn(cert);
  if (!certificate.ok) return err({ part: "cert", detail: certificate.error });
  const secret = privateKeyIn(key);
  if (!secret.ok) return err({ part: "key", detail: secret.error });
  const reason = whyNotServed(secret.value);
  if (reason !== null) return err({ part: "key", detail: reason });
  if (!certificate.value.checkPrivateKey(secret.value)) {
    return err({ part: "key", detail: "the key does not belong to the certificate" });
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // The rest of OpenSSL's text is codes and names of functions.
    const text = (error.message.split("\n")[0] ?? "").replace(/^error:[0-9A-F]+:(SSL routines:)?:*/, "");
    return err({ part: "cert", detail: `it cannot be served: ${text}` });
  }
  return ok({ cert, key });
}

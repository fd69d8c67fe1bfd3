import { run } from "./needs.ts";

/** Paths of a certificate and its key, both PEM. */
export interface Signed {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is made of; everything but the name has a usual value. */
export interface Request {
  /** Common name. */
  readonly name: string;
  /** Name of the files; default: the common name. */
  readonly file?: string;
  /** Other parts of the subject, e.g. `/O=Example`. */
  readonly subject?: string;
  /** Who signs it; null: it does so itself. Default: the authority. */
  readonly by?: Signed | null;
  /** Extensions as openssl's configuration writes them, a line each; none makes a certificate of version 1. */
  readonly extensions?: readonly string[];
  /** Dates, `YYYYMMDDHHMMSSZ`. */
  readonly from?: string;
  readonly to?: string;
  /** Arguments of `openssl genpkey`. */
  readonly key?: readonly string[];
  /** Take this key. */
  readonly keyFile?: string;
  /** Digest of the signature, e.g. `sha1`; "" where the kind of key has its own. */
  readonly digest?: string;
}

const KINDS = {
  p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  p521: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
  secp256k1: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
  rsa1024: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
  rsa2048: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  /** Five primes are found in seconds, two in minutes. */
  rsa8200: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:8200", "-pkeyopt", "rsa_keygen_primes:5"],
  ed25519: ["-algorithm", "ED25519"],
  ed448: ["-algorithm", "ED448"],
} as const;

/** A way to name a kind of key. */
export function keyKind(kind: keyof typeof KINDS): readonly string[] {
  return KINDS[kind];
}

/** Certificates of every good and bad kind in a temporary folder, gone on disposal. Needs openssl. */
export class Pki implements Disposable {
  /** The folder. */
  readonly folder: string = Deno.makeTempDirSync({ prefix: "mgp-pki-" });
  /** A root. */
  readonly root: Signed;

  /** Makes the root. */
  constructor() {
    this.root = this.make({ name: "Test Root", by: null, extensions: CA });
  }

  /** Path of a file in the folder. */
  path(name: string): string {
    return `${this.folder}/${name.replaceAll(" ", "-")}`;
  }

  /** Makes a certificate. */
  make(request: Request): Signed {
    const { name, subject = "", by = this.root, extensions = SERVER, digest = "sha256" } = request;
    const { file = name, from = "20200101000000Z", to = "20990101000000Z", key = KINDS.p256 } = request;
    const made = { cert: this.path(`${file}.pem`), key: request.keyFile ?? this.path(`${file}.key`) };
    if (request.keyFile === undefined) run("openssl", "genpkey", ...key, "-out", made.key);
    const signer = by ?? { cert: "", key: made.key };
    // A folder for each: openssl keeps a list of what a CA has signed, and refuses to sign a name twice.
    const work = Deno.makeTempDirSync({ dir: this.folder });
    const csr = `${work}/csr`;
    const signing = digest === "" ? [] : [`-${digest}`];
    run(
      "openssl",
      "req",
      "-new",
      "-utf8",
      "-key",
      made.key,
      "-out",
      csr,
      "-subj",
      `/CN=${name}${subject}`,
      ...signing,
    );
    Deno.writeTextFileSync(`${work}/list`, "");
    Deno.writeTextFileSync(`${work}/extensions`, extensions.join("\n") + "\n");
    Deno.writeTextFileSync(
      `${work}/ca.cnf`,
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${work}/list\nnew_certs_dir=${work}\nrand_serial=yes\n` +
        `default_md=${digest === "" ? "default" : digest}\npolicy=p\n[p]\ncommonName=supplied\n` +
        "organizationName=optional\ncountryName=optional\n",
    );
    run(
      "openssl",
      ...["ca", "-batch", "-notext", "-preserveDN", "-config", `${work}/ca.cnf`],
      ...by === null ? ["-selfsign"] : ["-cert", signer.cert],
      ...["-keyfile", signer.key, "-in", csr, "-out", made.cert, "-startdate", from, "-enddate", to],
      ...extensions.length > 0 ? ["-extfile", `${work}/extensions`] : [],
    );
    return made;
  }

  /** One file with the certificates of several, e.g. what a server sends. */
  bundle(name: string, ...certificates: Signed[]): string {
    const path = this.path(name);
    Deno.writeTextFileSync(path, certificates.map(({ cert }) => Deno.readTextFileSync(cert)).join(""));
    return path;
  }

  /** One file with a certificate, those of its CAs, and its key, as HAProxy wants it. */
  combined(name: string, own: Signed, ...chain: Signed[]): string {
    const path = this.bundle(name, own, ...chain);
    Deno.writeTextFileSync(path, Deno.readTextFileSync(own.key), { append: true });
    return path;
  }

  /** Removes the folder. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** Extensions of a CA. */
export const CA: readonly string[] = [
  "basicConstraints=critical,CA:TRUE",
  "keyUsage=critical,keyCertSign,cRLSign",
];

/** Extensions of a server that is valid for web.test and for the loopback addresses. */
export const SERVER: readonly string[] = ["subjectAltName=DNS:web.test,IP:127.0.0.1,IP:::1"];

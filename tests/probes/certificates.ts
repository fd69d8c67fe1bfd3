import { run } from "./needs.ts";

const CA_CONFIG = `[ca]
default_ca = d
[d]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
`;

/** A small certificate authority in a temporary folder, gone on disposal. */
export class Certificates implements Disposable {
  /** The folder. */
  readonly folder: string;
  /** Certificate of the authority. */
  readonly ca: string;

  /** Makes the authority. Needs openssl. */
  constructor() {
    this.folder = Deno.makeTempDirSync({ prefix: "mgp-tls-" });
    this.ca = this.path("ca.pem");
    Deno.writeTextFileSync(this.path("ca.cnf"), CA_CONFIG);
    Deno.writeTextFileSync(this.path("index.txt"), "");
    Deno.writeTextFileSync(this.path("serial"), "01\n");
    this.#selfSigned("ca", "Test CA", "basicConstraints=critical,CA:TRUE");
  }

  /** Path of a file in the folder. */
  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** Certificate and key of a server or client, signed by the authority. Dates as YYYYMMDDHHMMSSZ. */
  issue(name: string, alternatives: string, from = "20200101000000Z", to = "20990101000000Z"): Pair {
    const pair = { cert: this.path(`${name}.pem`), key: this.path(`${name}.key`) };
    const request = this.path(`${name}.csr`);
    const extensions = this.path(`${name}.ext`);
    Deno.writeTextFileSync(extensions, `subjectAltName=${alternatives}\n`);
    run(
      "openssl",
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      pair.key,
      "-out",
      request,
      "-subj",
      `/CN=${name}`,
    );
    const { success, stderr } = new Deno.Command("openssl", {
      cwd: this.folder,
      args: [
        "ca",
        "-batch",
        "-notext",
        "-config",
        "ca.cnf",
        "-cert",
        "ca.pem",
        "-keyfile",
        "ca.key",
        "-in",
        request,
        "-out",
        pair.cert,
        "-extfile",
        extensions,
        "-startdate",
        from,
        "-enddate",
        to,
      ],
    }).outputSync();
    if (!success) throw new Error(`openssl ca: ${new TextDecoder().decode(stderr)}`);
    return pair;
  }

  /** Certificate and key that vouch for themselves. */
  selfSigned(name: string, alternatives: string): Pair {
    return this.#selfSigned(name, name, `subjectAltName=${alternatives}`);
  }

  /** Removes the folder. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }

  #selfSigned(name: string, subject: string, extension: string): Pair {
    const pair = { cert: this.path(`${name}.pem`), key: this.path(`${name}.key`) };
    run(
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "30",
      "-keyout",
      pair.key,
      "-out",
      pair.cert,
      "-subj",
      `/CN=${subject}`,
      "-addext",
      extension,
    );
    return pair;
  }
}

/** Paths of a certificate and its key, both PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

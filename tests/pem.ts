/** Certificates and keys for tests, made by openssl. */

/** Whether openssl is there. */
export async function hasOpenssl(): Promise<boolean> {
  try {
    await new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function openssl(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("openssl", { args, stdout: "null", stderr: "piped" })
    .output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
}

/** A certificate for `localhost` and its key. */
export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** Makes a self-signed certificate with a new key. `key`: as for `-newkey`, e.g. `rsa:2048` or `ec:P-256`. */
export async function makePem(key: string, name = "localhost"): Promise<Pem> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-pem-" });
  try {
    const kind = key.startsWith("ec:")
      ? ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${key.slice(3)}`]
      : ["-newkey", key];
    await openssl(
      ...["req", "-x509", ...kind, "-nodes", "-days", "30", "-subj", `/CN=${name}`],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`],
    );
    return {
      cert: await Deno.readTextFile(`${folder}/cert.pem`),
      key: await Deno.readTextFile(`${folder}/key.pem`),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The same key, encrypted. */
export async function encrypted(key: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-pem-" });
  try {
    await Deno.writeTextFile(`${folder}/plain.pem`, key);
    await openssl(
      ...["pkcs8", "-topk8", "-in", `${folder}/plain.pem`, "-passout", "pass:x", "-out", `${folder}/out.pem`],
    );
    return await Deno.readTextFile(`${folder}/out.pem`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

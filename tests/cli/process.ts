/** Starts maglevc as its users do: a process with arguments, an environment and pipes. */

const entry = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const config = new URL("../../deno.json", import.meta.url).pathname;

/** Command that starts maglevc. */
export const maglevc: readonly string[] = [Deno.execPath(), "run", "-A", "--config", config, entry];

/** What came of a process. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** How a process is started. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Another command than maglevc's own. */
  readonly command?: readonly string[];
}

/** The environment of a process: what Deno needs, and nothing that a developer may have set. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = [
    "PATH",
    "HOME",
    "DENO_DIR",
    "LANG",
    "TMPDIR",
    "NPM_CONFIG_REGISTRY",
    "DENO_CERT",
    "DENO_TLS_CA_STORE",
  ];
  const env: Record<string, string> = {};
  for (const name of kept) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...extra };
}

/** Runs a command to its end. */
export async function start(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
  const [program = "", ...rest] = options.command ?? maglevc;
  const child = new Deno.Command(program, {
    args: [...rest, ...args],
    clearEnv: true,
    env: cleanEnv(options.env),
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** Whether a program can be started. */
export async function has(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A certificate for 127.0.0.1 that nobody signed, and its key, as PEM texts. Needs openssl. */
export async function selfSigned(): Promise<{ readonly cert: string; readonly key: string }> {
  const folder = await Deno.makeTempDir();
  const { code, err } = await start([
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(" "),
    ...["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
    // openssl marks what it signs itself as a CA, and such a certificate is refused for a server.
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`],
  ], { command: ["openssl"] });
  if (code !== 0) throw new Error(err);
  const cert = await Deno.readTextFile(`${folder}/cert.pem`);
  const key = await Deno.readTextFile(`${folder}/key.pem`);
  await Deno.remove(folder, { recursive: true });
  return { cert, key };
}

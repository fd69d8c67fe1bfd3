/**
 * What protects the API: the auth file, and the certificate and key of HTTPS. Read at the start, where a wrong file
 * is an error, and again at every reload and every 60 s. Then a wrong file is kept out: what was read before stays in
 * use.
 *
 * @module
 */
import { type AuthTable, authTable } from "../../routes/auth.ts";
import { parseAuthFile, whyTooOpen } from "../../routes/auth_file.ts";
import { type TlsPair, tlsPair } from "../../routes/tls_pair.ts";
import type { NamedTrouble } from "../answers/known.ts";
import type * as api from "../api/mod.ts";
import type { Clock } from "../clock.ts";
import { formatFinding } from "../config/findings.ts";
import type { Options } from "../flags.ts";
import type { Log } from "../log/mod.ts";
import type { UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { parsePeerTokens, type PeerTokens } from "../peers/tokens.ts";
import { readSecretFile } from "./secret_file.ts";

/** Files as the flags name them. */
export type SecretPaths = Pick<Options, "authFile" | "tls" | "peers" | "peerTokenFile" | "peerCaFile">;

type TlsPaths = NonNullable<SecretPaths["tls"]>;

/** One reading of a file or pair: its text, to see whether it changed, and what it means or what is wrong. */
interface Reading<T> {
  /** The path in problems and records. */
  readonly file: string;
  /** Everything that was read, and the rights. */
  readonly text: string;
  readonly content: Result<T, api.Finding[]>;
}

async function readPeerTokens(file: string, peers: SecretPaths["peers"]): Promise<Reading<PeerTokens>> {
  const flag = "--peer-token-file";
  const read = await readSecretFile(file);
  if (!read.ok) {
    return { file, text: read.error, content: err([finding(file, flag, `cannot be read: ${read.error}`)]) };
  }
  const { text, mode } = read.value;
  const key = `${(mode ?? 0) & 0o777} ${text}`;
  // The tokens stand in it as they are sent.
  const open = whyTooOpen(mode) ?? (((mode ?? 0) & 0o004) === 0 ? null : "can be read by everybody");
  if (open !== null) {
    return { file, text: key, content: err([finding(file, flag, open, `chmod o-r,go-w ${file}`)]) };
  }
  return { file, text: key, content: parsePeerTokens(text, file, peers) };
}

async function readPeerCa(file: string): Promise<Reading<string>> {
  const wrong = (text: string, detail: string) => ({
    file,
    text,
    content: err([finding(file, "--peer-ca-file", detail)]),
  });
  const read = await readSecretFile(file);
  if (!read.ok) return wrong(read.error, `cannot be read: ${read.error}`);
  const { text } = read.value;
  if (!/-----BEGIN CERTIFICATE-----/.test(text)) return wrong(text, "holds no certificate in PEM");
  try {
    Deno.createHttpClient({ caCerts: [text] }).close();
  } catch (error) {
    return wrong(text, error instanceof Error ? error.message : String(error));
  }
  return { file, text, content: ok(text) };
}

/** What is wrong with a file; `flag` names it. */
function finding(file: string, flag: string, message: string, hint: string | null = null): api.Finding {
  return {
    severity: "error",
    pass: "structural",
    file,
    line: null,
    column: null,
    path: flag,
    message,
    hint,
  };
}

async function readAuth(file: string): Promise<Reading<AuthTable>> {
  const read = await readSecretFile(file);
  if (!read.ok) {
    return {
      file,
      text: read.error,
      content: err([finding(file, "--auth-file", `cannot be read: ${read.error}`)]),
    };
  }
  const { text, mode } = read.value;
  const open = whyTooOpen(mode);
  const key = `${(mode ?? 0) & 0o777} ${text}`;
  if (open !== null) {
    const hint = `chmod go-w ${file}`;
    return { file, text: key, content: err([finding(file, "--auth-file", open, hint)]) };
  }
  const clients = parseAuthFile(text, file);
  return { file, text: key, content: clients.ok ? ok(authTable(clients.value)) : clients };
}

async function readTls(paths: TlsPaths): Promise<Reading<TlsPair>> {
  const cert = await readSecretFile(paths.cert);
  const key = paths.key === paths.cert ? cert : await readSecretFile(paths.key);
  const wrong = (part: keyof TlsPaths, detail: string) => ({
    file: paths[part],
    text,
    content: err([finding(paths[part], `--tls-${part}`, detail)]),
  });
  const text = `${cert.ok ? cert.value.text : cert.error}\n${key.ok ? key.value.text : key.error}`;
  if (!cert.ok) return wrong("cert", `cannot be read: ${cert.error}`);
  if (!key.ok) return wrong("key", `cannot be read: ${key.error}`);
  const pair = tlsPair(cert.value.text, key.value.text);
  return pair.ok ? { file: paths.cert, text, content: pair } : wrong(pair.error.part, pair.error.detail);
}

/** A file that is wrong now, while its old content is in use. */
interface Kept {
  readonly since: UnixMillis;
  readonly file: string;
  /** What was wrong; another mistake is a new record. */
  readonly text: string;
  readonly findings: readonly api.Finding[];
}

/** One file, or pair of files, of which the last good content is in use. */
class Source<T> {
  readonly #read: () => Promise<Reading<T>>;
  readonly #taken: (content: T) => void;
  #text: string;
  kept: Kept | null = null;

  constructor(first: Reading<T>, read: () => Promise<Reading<T>>, taken: (content: T) => void) {
    this.#text = first.text;
    this.#read = read;
    this.#taken = taken;
  }

  /** Reads again. A good file that changed is taken, a wrong one is kept out; both are logged once. */
  async look(log: Log, clock: Clock): Promise<void> {
    const { file, text, content } = await this.#read();
    if (!content.ok) {
      if (this.kept?.text === text && this.kept.file === file) return;
      const since = this.kept?.since ?? clock.wall();
      this.kept = { since, file, text, findings: content.error };
      log.warn("file-kept", { file, error: content.error.map(formatFinding).join("; "), detail: keptText });
      return;
    }
    this.kept = null;
    if (text === this.#text) return;
    this.#text = text;
    this.#taken(content.value);
    log.info("file-read", { file });
  }
}

const keptText = "the content that was read before stays in use";

/** Called with what a file holds now, whenever that changed. */
export interface SecretsUsers {
  /** The auth file has another content. */
  readonly auth: (table: AuthTable) => void;
  /** Certificate or key are others. */
  readonly tls: (pair: TlsPair) => void;
  /** Other tokens for the peers. */
  readonly peerTokens: (tokens: PeerTokens) => void;
  /** Other authorities for the peers' certificates. */
  readonly peerCa: (pem: string) => void;
}

/** What the daemon sees of the files in use. */
export interface SecretsInUse {
  /** As read at the start; null: no auth file. */
  readonly auth: AuthTable | null;
  /** As read at the start; null: plain HTTP. */
  readonly tls: TlsPair | null;
  /** Tokens for the peers as read at the start. */
  readonly peerTokens: PeerTokens;
  /** PEM of authorities for the peers as read at the start; null: the system's alone. */
  readonly peerCa: string | null;
  /** Gives new contents to `users` from now on. Before this is called, `look` does nothing. */
  use(users: SecretsUsers, log: Log, clock: Clock): void;
  /** Reads every file again; never rejects. */
  look(): Promise<void>;
  /** What is wrong with files whose old content stays in use, as warnings of a reload. */
  warnings(): api.Finding[];
  /** Files whose old content stays in use. */
  kept(): NamedTrouble[];
}

/** The files in use. */
export class Secrets implements SecretsInUse {
  /** As read at the start; null: no auth file. */
  readonly auth: AuthTable | null;
  /** As read at the start; null: plain HTTP. */
  readonly tls: TlsPair | null;
  /** Tokens for the peers as read at the start. */
  readonly peerTokens: PeerTokens;
  /** PEM of authorities for the peers as read at the start; null: the system's alone. */
  readonly peerCa: string | null;
  readonly #sources: readonly Pick<Source<never>, "look" | "kept">[];
  #used: { readonly users: SecretsUsers; readonly log: Log; readonly clock: Clock } | null = null;
  #last: Promise<void> = Promise.resolve();

  private constructor(
    auth: { readonly path: string; readonly first: Reading<AuthTable> } | null,
    tls: { readonly paths: TlsPaths; readonly first: Reading<TlsPair> } | null,
    peers: {
      readonly list: SecretPaths["peers"];
      readonly tokens: Reading<PeerTokens> | null;
      readonly ca: Reading<string> | null;
    },
  ) {
    const { ca, list, tokens } = peers;
    this.peerTokens = tokens?.content.ok === true ? tokens.content.value : new Map();
    this.peerCa = ca?.content.ok === true ? ca.content.value : null;
    this.auth = auth?.first.content.ok === true ? auth.first.content.value : null;
    this.tls = tls?.first.content.ok === true ? tls.first.content.value : null;
    this.#sources = [
      ...(auth === null
        ? []
        : [new Source(auth.first, () => readAuth(auth.path), (table) => this.#used?.users.auth(table))]),
      ...(tls === null
        ? []
        : [new Source(tls.first, () => readTls(tls.paths), (pair) => this.#used?.users.tls(pair))]),
      ...(tokens === null ? [] : [
        new Source(
          tokens,
          () => readPeerTokens(tokens.file, list),
          (given) => this.#used?.users.peerTokens(given),
        ),
      ]),
      ...(ca === null
        ? []
        : [new Source(ca, () => readPeerCa(ca.file), (pem) => this.#used?.users.peerCa(pem))]),
    ];
  }

  /** Reads the files that the flags name; every error as a finding with its place. */
  static async load(
    { authFile, peerCaFile, peers, peerTokenFile, tls }: SecretPaths,
  ): Promise<Result<Secrets, api.Finding[]>> {
    const auth = authFile === null ? null : { path: authFile, first: await readAuth(authFile) };
    const pair = tls === null ? null : { paths: tls, first: await readTls(tls) };
    const tokens = peerTokenFile === null ? null : await readPeerTokens(peerTokenFile, peers);
    const ca = peerCaFile === null ? null : await readPeerCa(peerCaFile);
    const errors = [auth?.first.content, pair?.first.content, tokens?.content, ca?.content].flatMap((
      content,
    ) => content === undefined || content.ok ? [] : content.error);
    return errors.length > 0 ? err(errors) : ok(new Secrets(auth, pair, { list: peers, tokens, ca }));
  }

  /** Gives new contents to `users` from now on. */
  use(users: SecretsUsers, log: Log, clock: Clock): void {
    this.#used = { users, log, clock };
  }

  /** Reads every file again. */
  look(): Promise<void> {
    // One after another: an older reading must not replace a newer one.
    this.#last = this.#last.then(async () => {
      const used = this.#used;
      if (used === null) return;
      for (const source of this.#sources) await source.look(used.log, used.clock);
    });
    return this.#last;
  }

  /** What is wrong with files whose old content stays in use, as warnings of a reload. */
  warnings(): api.Finding[] {
    return this.#sources.flatMap(({ kept }) => kept?.findings ?? []).map((finding) => ({
      ...finding,
      severity: "warning",
      pass: "lint",
      message: `${finding.message}; ${keptText}`,
    }));
  }

  /** Files whose old content stays in use. */
  kept(): NamedTrouble[] {
    return this.#sources.flatMap(({ kept }) => {
      if (kept === null) return [];
      const detail = kept.findings[0]?.message ?? "the file is wrong";
      return [{ object: kept.file, since: kept.since, detail }];
    });
  }
}

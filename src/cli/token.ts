/**
 * Which token is sent to which server. A token that the user names goes where the user says, but never readable over
 * a network. The local token goes to nobody but the daemon that made it.
 *
 * @module
 */
import {
  localTokenFiles,
  localTokenInfoFile,
  localTokenTarget,
  parseLocalTokenInfo,
  parseTokenText,
  whyTokenFileRefused,
} from "../net/local_token.ts";
import { err, ok, type Result } from "../result.ts";
import type { TokenSource } from "./options.ts";
import { isReadableByOthers, localTarget, type Server } from "./server.ts";

/** One way to prove who asks. */
export interface Credential {
  /** Bearer token, or null for none. */
  readonly token: string | null;
  /** IP literal that must be connected to, whatever name the server has; null: no matter. */
  readonly connectTo: string | null;
  /** Where the token comes from, or why there is none: a sentence for a server that refuses it. */
  readonly note: string;
}

/** What `Files.open` tells of a file. */
export interface OpenedFile {
  /** Its text. */
  readonly text: string;
  /** Owner of the file. */
  readonly uid: number | null;
  /** Type and rights. */
  readonly mode: number | null;
  /** Whether it is a regular file; false for a symbolic link. */
  readonly isFile: boolean;
  /** Owner of the folder it is in; null where others can write there, so that its owner proves nothing. */
  readonly folderUid: number | null;
}

/** The part of the machine that is read. */
export interface Files {
  /** Text of a file; an error is a whole sentence. */
  read(path: string): Result<string, string>;
  /** Text of a file and who can write it, of one and the same file; null if there is none. */
  open(path: string): Result<OpenedFile | null, string>;
  /** The user that maglevc runs as; null where the system does not say. */
  readonly uid: number | null;
}

/** What decides on the token. */
export interface TokenQuestion {
  /** Whom to ask. */
  readonly server: Server;
  /** The token that the user names, or null for the local one. */
  readonly source: TokenSource | null;
  /** Whether a token may be readable by others on its way. */
  readonly insecure: boolean;
  /** Value of XDG_RUNTIME_DIR. */
  readonly runtimeDir: string | undefined;
}

function named(source: TokenSource, files: Files): Result<Credential, string> {
  const { from } = source;
  const text = "text" in source ? ok(source.text) : files.read(source.file);
  if (!text.ok) return err(`${from}: ${text.error}`);
  const token = text.value.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) return err(`${from}: the token is not one line of printable characters`);
  const place = "file" in source ? `${source.file} (${from})` : from;
  return ok({ token, connectTo: null, note: `the token that was sent is that of ${place}` });
}

/** Text of a file that only root, the daemon's user or the user of maglevc can have written; null if there is none. */
function trusted(path: string, files: Files): Result<string | null, string> {
  const opened = files.open(path);
  if (!opened.ok) return err(`cannot read ${path}: ${opened.error}`);
  if (opened.value === null) return ok(null);
  const users = [files.uid, opened.value.folderUid].filter((uid) => uid !== null);
  const refused = whyTokenFileRefused(opened.value, users);
  return refused === null ? ok(opened.value.text) : err(`${path} ${refused}`);
}

function localOf(path: string, server: Server, files: Files): Result<Credential | null, string> {
  const secret = trusted(path, files);
  if (!secret.ok || secret.value === null) return secret.ok ? ok(null) : secret;
  const infoFile = localTokenInfoFile(path);
  const infoText = trusted(infoFile, files);
  if (!infoText.ok) return infoText;
  const info = parseLocalTokenInfo(infoText.value ?? "");
  if (info === null) return err(`${infoFile} does not say whose token ${path} is`);
  const connectTo = localTokenTarget(info.listen, localTarget(server));
  if (connectTo === null) {
    return err(`${path} is for ${info.listen.join(", ") || "no address"} and not for ${server.text}`);
  }
  const token = parseTokenText(secret.value);
  if (token === null) return err(`${path} holds no token`);
  return ok({
    token,
    connectTo: server.socketPath === null ? connectTo : null,
    note: `the token that was sent is the local one, ${path}`,
  });
}

/**
 * Reads the tokens that may be sent to a server, best first: several daemons of one host may have left files that
 * name the same address, and a server that refuses one of them has done nothing yet.
 *
 * @returns at least one credential, or why nothing may be sent at all, as a sentence
 */
export function credentials(question: TokenQuestion, files: Files): Result<Credential[], string> {
  const { server, source, insecure, runtimeDir } = question;
  if (source !== null) {
    if (isReadableByOthers(server) && !insecure) {
      return err(
        `the token would cross the network in clear to ${server.text}; use https://, or --insecure-token`,
      );
    }
    const credential = named(source, files);
    return credential.ok ? ok([credential.value]) : credential;
  }
  const found: Credential[] = [];
  const reasons: string[] = [];
  const paths = localTokenFiles(runtimeDir);
  for (const path of paths) {
    const local = localOf(path, server, files);
    if (!local.ok) reasons.push(local.error);
    else if (local.value !== null) found.push(local.value);
  }
  if (found.length > 0) return ok(found);
  const why = reasons.length > 0 ? reasons.join("; ") : `there is no ${paths.join(" or ")}`;
  return ok([{ token: null, connectTo: null, note: `no token was sent: ${why}` }]);
}

/**
 * What a 401 says about getting a token, in one sentence. Pure.
 *
 * @module
 */

/** What a daemon knows of its tokens. */
export interface TokenSources {
  /** Whether there is an auth file. */
  readonly authFile: boolean;
  /** Path of the local token; null: this daemon has none. */
  readonly localFile: string | null;
  /** Why there is none; "" if there is one. */
  readonly whyNoLocal: string;
  /**
   * Whether maglevc finds the file without a flag: at a default place, and only if the daemon opens its listeners
   * itself, so that the client can tell whose token it reads.
   */
  readonly found: boolean;
}

/** A path as one word of a shell: the sentence is there to be copied. */
function shellWord(path: string): string {
  return /^[A-Za-z0-9_./+@%:,=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** How to get a token, as the end of a sentence that begins with "This needs a token". */
export function tokenHint({ authFile, localFile, whyNoLocal, found }: TokenSources): string {
  const others = authFile ? "one of the auth file" : "for other hosts give maglevd an --auth-file";
  if (localFile === null) {
    const cure = authFile ? "" : "; give maglevd a --local-token file or an --auth-file";
    return `${authFile ? `${others}; ` : ""}there is no local token: ${whyNoLocal}${cure}`;
  }
  const word = shellWord(localFile);
  const maglevc = found ? "maglevc reads it by itself" : `maglevc takes it with --token-file ${word}`;
  const here =
    `on this host the one in ${localFile} (${maglevc}, curl sends it with -H "Authorization: Bearer $(cat ${word})")`;
  return authFile ? `${others}, or ${here}` : `${here}; ${others}`;
}

/**
 * What an HTTP/1.1 client needs of a response's head and of a request's Host (RFC 9110, RFC 9112). By octets: a
 * head may come from anybody, so nothing here takes more time than its octets ask for.
 *
 * @module
 */
const HTAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;

/** The authority of a request: the host if there is one, else the IP address with the port unless it is the scheme's. */
export function hostHeader(secure: boolean, address: string, port: number, host: string | null): string {
  if (host !== null) return host;
  const name = address.includes(":") ? `[${address}]` : address;
  return port === (secure ? 443 : 80) ? name : `${name}:${port}`;
}

/**
 * Length of the head at the start of `octets`, its empty line included, or -1 while it is not whole.
 *
 * @param from octets before this one were looked at already
 * @param end octets from here on do not count
 */
export function headEnd(octets: Uint8Array, from: number, end: number = octets.length): number {
  for (
    let at = octets.indexOf(LF, Math.max(from - 3, 0));
    at >= 0 && at < end;
    at = octets.indexOf(LF, at + 1)
  ) {
    if (at + 1 < end && octets[at + 1] === LF) return at + 2;
    if (at + 2 < end && octets[at + 1] === CR && octets[at + 2] === LF) return at + 3;
  }
  return -1;
}

/** A response's head. */
export interface Head {
  /** 100...999. */
  readonly status: number;
  /** Values of the fields that were asked for, in that order; those of one name are joined by a comma. */
  readonly fields: readonly (string | null)[];
}

/** What `parseHead` says of a first line that is none of HTTP/1. */
export const NO_STATUS_LINE = "no HTTP/1 status line";

/** A head that is none. */
export interface MalformedHead {
  /** `bad header line`. */
  readonly malformed: string;
  /** The line that is wrong, without its end. */
  readonly line: Uint8Array;
}

/** 1 for the octets of a token (RFC 9110, section 5.6.2). */
const TOKEN = new Uint8Array(256);
for (const octet of new TextEncoder().encode("!#$%&'*+-.^_`|~")) TOKEN[octet] = 1;
for (let i = 0; i < 26; i++) TOKEN[65 + i] = TOKEN[97 + i] = 1;
for (let i = 0; i < 10; i++) TOKEN[48 + i] = 1;

/** One character an octet; what those above 127 stand for does not matter here. */
const latin1 = new TextDecoder("latin1");
/** How every response begins. */
const START = new TextEncoder().encode("HTTP/1.");

function digit(octet: number | undefined): number {
  return octet !== undefined && octet >= 48 && octet <= 57 ? octet - 48 : -1;
}

/** Whether a response may begin with these octets, of which more may follow. */
export function mayBeHttp1(octets: Uint8Array): boolean {
  const length = Math.min(octets.length, START.length);
  for (let i = 0; i < length; i++) {
    if (octets[i] !== START[i]) return false;
  }
  return true;
}

/** The status of `HTTP/1.x 123` with or without a reason; -1 if the line is none. */
function statusOf(line: Uint8Array): number {
  if (line.length < 12 || !mayBeHttp1(line)) return -1;
  const [hundreds, tens, ones] = [digit(line[9]), digit(line[10]), digit(line[11])];
  if (digit(line[7]) < 0 || line[8] !== SPACE || hundreds < 1 || tens < 0 || ones < 0) return -1;
  if (line.length > 12 && line[12] !== SPACE) return -1;
  return hundreds * 100 + tens * 10 + ones;
}

/** Whether the octets before `length` are this name, in any case. */
function isName(line: Uint8Array, length: number, name: string): boolean {
  if (length !== name.length) return false;
  for (let i = 0; i < length; i++) {
    const octet = line[i] ?? 0;
    if ((octet >= 65 && octet <= 90 ? octet + 32 : octet) !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** The value behind the colon at `at`, without the blanks around it. */
function valueOf(line: Uint8Array, at: number): string {
  let from = at + 1;
  let to = line.length;
  while (from < to && (line[from] === SPACE || line[from] === HTAB)) from++;
  while (to > from && (line[to - 1] === SPACE || line[to - 1] === HTAB)) to--;
  return latin1.decode(line.subarray(from, to));
}

/**
 * Reads a whole head.
 *
 * @param octets of the head, with or without its empty line; lines may end without CR
 * @param names of the fields that are wanted, in lower case
 */
export function parseHead(octets: Uint8Array, names: readonly string[]): Head | MalformedHead {
  const fields: (string | null)[] = names.map(() => null);
  let status = 0;
  for (let start = 0; start < octets.length;) {
    const found = octets.indexOf(LF, start);
    const lf = found < 0 ? octets.length : found;
    const line = octets.subarray(start, octets[lf - 1] === CR && lf > start ? lf - 1 : lf);
    start = lf + 1;
    if (line.includes(0) || line.includes(CR)) return { malformed: "control character in the head", line };
    if (status === 0) {
      status = statusOf(line);
      if (status < 0) return { malformed: NO_STATUS_LINE, line };
      continue;
    }
    // A folded line continues the one before it; honest servers fold none of the fields that are asked for.
    if (line.length === 0 || line[0] === SPACE || line[0] === HTAB) continue;
    let colon = 0;
    while (TOKEN[line[colon] ?? 0] === 1) colon++;
    if (colon === 0 || line[colon] !== COLON) return { malformed: "bad header line", line };
    for (let i = 0; i < names.length; i++) {
      if (!isName(line, colon, names[i] ?? "")) continue;
      const value = valueOf(line, colon);
      const before = fields[i] ?? null;
      fields[i] = before === null ? value : `${before},${value}`;
    }
  }
  return status > 0 ? { status, fields } : { malformed: NO_STATUS_LINE, line: octets };
}

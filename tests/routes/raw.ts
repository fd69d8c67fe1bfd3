/** Octets to and from a listener, without any HTTP client in between. */

/** Connects to `a:p`, `[v6]:p` or `unix:/path`. */
export async function dial(address: string): Promise<Deno.Conn> {
  if (address.startsWith("unix:")) return await Deno.connect({ transport: "unix", path: address.slice(5) });
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return await Deno.connect({ hostname, port: Number(address.slice(colon + 1)) });
}

/** Reads until the other side closes; a reset counts as a close. */
export async function readToEnd(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const buffer = new Uint8Array(65536);
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      text += decoder.decode(buffer.subarray(0, n), { stream: true });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

/** Reads until the text holds `wanted`; throws when the other side closes before. */
export async function readUntil(conn: Deno.Conn, wanted: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const buffer = new Uint8Array(65536);
  while (!text.includes(wanted)) {
    const n = await conn.read(buffer);
    if (n === null) throw new Error(`closed before ${JSON.stringify(wanted)}: ${text.slice(-200)}`);
    text += decoder.decode(buffer.subarray(0, n), { stream: true });
  }
  return text;
}

/** Sends octets and reads until the other side closes. */
export async function exchange(address: string, text: string): Promise<string> {
  using conn = await dial(address);
  await writeAll(conn, text);
  return await readToEnd(conn);
}

/** Writes a whole text. */
export async function writeAll(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** A request that closes its connection. */
export function request(line: string, headers: readonly string[] = [], body = ""): string {
  const length = body === "" ? [] : [`Content-Length: ${new TextEncoder().encode(body).length}`];
  const head = [`${line} HTTP/1.1`, "Connection: close", ...headers, ...length];
  if (!headers.some((header) => /^host:/i.test(header))) head.push("Host: localhost");
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

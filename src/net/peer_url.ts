/**
 * Other daemons as flags name them. Pure.
 *
 * @module
 */
import { err, ok, type Result } from "../result.ts";
import { isLoopbackHost } from "./loopback.ts";

/** Another daemon. */
export interface PeerAddress {
  /** Its name on this daemon's page. */
  readonly name: string;
  /** Where its API begins, with a slash at the end. */
  readonly url: string;
}

/** Reads `name=url`; the error says what is wrong with it. */
export function parsePeerAddress(text: string): Result<PeerAddress, string> {
  const [, name, address] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  if (name === undefined || address === undefined) return err("the form name=url");
  if (!/^(?=.*[A-Za-z0-9])[A-Za-z0-9._-]{1,64}$/.test(name)) {
    return err("a name of letters, digits, dot, underscore and hyphen, at most 64, before the =");
  }
  const url = URL.parse(address);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return err("an http:// or https:// address after the =");
  }
  if (url.username !== "" || url.password !== "") {
    return err("an address without a password: --peer-token-file has it");
  }
  if (url.search !== "" || url.hash !== "") return err("an address without a query");
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return ok({ name, url: url.href });
}

/** Whether what is sent to this address can be read on the way. */
export function isReadableOnTheWay(url: string): boolean {
  const { host, protocol } = new URL(url);
  return protocol === "http:" && !isLoopbackHost(host);
}

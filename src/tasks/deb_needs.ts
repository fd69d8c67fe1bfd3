/**
 * The versions of the system's libraries that the package needs: those that Deno asks for, and those that have the
 * calls of `ffi/`, which no linker sees.
 *
 * @module
 */
import { symbols as libcSymbols } from "../../ffi/libc.ts";
import { cryptoSymbols, sslSymbols } from "../../ffi/openssl.ts";

/** Calls by the name under which they are bound; of their C types only what is used here. */
export type Calls = Readonly<
  Record<string, { readonly parameters: readonly unknown[]; readonly name?: string }>
>;

/** The names by which a table of calls is asked for. */
export function calledNames(...tables: readonly Calls[]): string[] {
  const names = tables.flatMap((table) => Object.entries(table).map(([key, { name = key }]) => name));
  return [...new Set(names)].sort();
}

/** Orders versions as numbers with points: 2.9 before 2.33. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(".").map(Number));
  for (let at = 0; at < Math.max(left?.length ?? 0, right?.length ?? 0); at++) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The first version of a library that has all of some calls.
 *
 * @param table a file of symbols as dpkg keeps it: a line ` name@VERSION 2.33` for each version of each call
 * @throws Error for a call that the library does not have
 */
export function firstWith(names: readonly string[], table: string): string {
  const since = new Map<string, string>();
  for (const [, name = "", version = ""] of table.matchAll(/^ ([\w.]+)@\S+ ([0-9][0-9.]*)\S*$/gm)) {
    const known = since.get(name);
    if (known === undefined || compareVersions(version, known) < 0) since.set(name, version);
  }
  return newest(names.map((name) => {
    const version = since.get(name);
    if (version === undefined) throw new Error(`the library has no ${name}`);
    return version;
  }));
}

function newest(versions: readonly string[]): string {
  return versions.reduce((a, b) => compareVersions(a, b) < 0 ? b : a, "0");
}

/** Newest version of the C library that a program asks for, e.g. `2.27`. */
export function neededLibc(program: Uint8Array): string {
  // Octets as Latin-1: the names of symbol versions are plain ASCII anywhere in the file.
  const found = new TextDecoder("latin1").decode(program).matchAll(/GLIBC_(2\.[0-9]+)/g);
  return newest([...found].map(([, version = ""]) => version));
}

/**
 * Dependencies on libraries, for the field Depends.
 *
 * @param deno octets of the Deno in the package
 * @param tableOf text of dpkg's file of symbols of a package of this machine
 */
export async function libraryNeeds(
  deno: Uint8Array,
  tableOf: (name: string) => Promise<string>,
): Promise<string[]> {
  const libc = newest([neededLibc(deno), firstWith(calledNames(libcSymbols), await tableOf("libc6"))]);
  const ssl = firstWith(calledNames(sslSymbols, cryptoSymbols), await tableOf("libssl3"));
  return [`libc6 (>= ${libc})`, "libgcc-s1", `libssl3 (>= ${ssl}) | libssl3t64 (>= ${ssl})`];
}

/** Reads dpkg's file of symbols; of OpenSSL under either name of its package. */
export async function symbolsOf(name: string, architecture: string): Promise<string> {
  const names = name === "libssl3" ? [name, "libssl3t64"] : [name];
  for (const known of names) {
    try {
      return await Deno.readTextFile(`/var/lib/dpkg/info/${known}:${architecture}.symbols`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(
    `dpkg knows no symbols of ${names.join(" or ")}; install it, the package depends on its version`,
  );
}

const folder = new URL("../config/pem/", import.meta.url);

/** Text of a file of tests/config/pem. */
export function pem(name: string): string {
  return Deno.readTextFileSync(new URL(name, folder));
}

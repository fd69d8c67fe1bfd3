/** Writes docs/openapi.json anew: `deno run -A tests/routes/update_openapi.ts`. */
import { makeWorld } from "./world.ts";

/** The document as it stands in docs/openapi.json. */
export async function openapiText(): Promise<string> {
  const answer = await makeWorld().ask("/openapi.json");
  return `${JSON.stringify(await answer.json(), null, 2)}\n`;
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("../../docs/openapi.json", import.meta.url), await openapiText());
}

import assert from "node:assert/strict";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import manifest from "../deno.json" with { type: "json" };
import { loadDocument, operationsOf } from "./routes/document.ts";
import { first, start } from "./routes/serving.ts";
import { localToken, makeWorld } from "./routes/world.ts";

Deno.test("types that openapi-typescript generates compile, and openapi-fetch drives every operation with them", async () => {
  const document = await loadDocument();
  const directory = await Deno.makeTempDir();
  try {
    const types = astToString(await openapiTS(JSON.parse(JSON.stringify(document)) as OpenAPI3));
    await Deno.writeTextFile(`${directory}/types.d.ts`, types);
    await Deno.copyFile(new URL("fixtures/openapi_client.txt", import.meta.url), `${directory}/client.ts`);
    await using serving = await start(makeWorld());
    const { scopes, compilerOptions } = manifest;
    const config = `${directory}/deno.json`;
    await Deno.writeTextFile(config, JSON.stringify({ imports: scopes["./tests/"], compilerOptions }));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--check", "--no-lock", "--allow-net", "--config", config, `${directory}/client.ts`]
        .concat(
          `http://${first(serving)}`,
          localToken,
        ),
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const statuses: Record<string, number> = JSON.parse(new TextDecoder().decode(stdout));
    const wanted = operationsOf(document).map((operation) => operation.operationId).sort();
    assert.deepEqual(Object.keys(statuses).sort(), wanted);
    assert.deepEqual(new Set(Object.values(statuses)), new Set([200]));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

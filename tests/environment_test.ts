import assert from "node:assert/strict";
import { flagSpecs as clientFlags } from "../src/cli/options.ts";
import { unknownVariables } from "../src/environment.ts";
import { environmentName, flagSpecs } from "../src/flag_table.ts";

const said = (...names: string[]) =>
  unknownVariables(names).map(({ variable, detail }) => `${variable} ${detail}`);

Deno.test("a variable that nobody reads is named, with the one that was probably meant", () => {
  assert.deepEqual(said("MAGLEV_TLS_CRET", "PATH", "MAGLEV_AUTH_FLIE", "MAGLEV_"), [
    "MAGLEV_ is not known",
    "MAGLEV_AUTH_FLIE is not known; did you mean MAGLEV_AUTH_FILE?",
    "MAGLEV_TLS_CRET is not known; did you mean MAGLEV_TLS_CERT?",
  ]);
  assert.deepEqual(said("MAGLEV_COFFEE"), ["MAGLEV_COFFEE is not known"]);
});

Deno.test("variables of the Go daemon name their successor", () => {
  assert.deepEqual(said("MAGLEV_GRPC_ADDR"), [
    "MAGLEV_GRPC_ADDR is a variable of the Go daemon; here it is MAGLEV_LISTEN, where the REST API listens",
  ]);
});

Deno.test("the daemon's, the client's and the tests' variables are known", () => {
  const client = clientFlags.flatMap(({ env }) => env === null ? [] : [env]);
  assert.deepEqual(said(...flagSpecs.map(({ name }) => environmentName(name)), ...client), []);
  assert.deepEqual(said("MAGLEV_TEST_RUNS", "MAGLEV_COMMIT", "MAGLEV_BUILD_DATE", "NO_COLOR"), []);
});

/** maglevd with a hook for tests: SIGUSR1 keeps the main thread busy for 2 s. */
import { runDaemon } from "../../src/daemon/run.ts";

Deno.addSignalListener("SIGUSR1", () => {
  const end = performance.now() + 2000;
  while (performance.now() < end) { /* this is the point */ }
});
Deno.exit(await runDaemon(Deno.args));

/**
 * maglevd: flags -> configuration -> the daemon -> signals. Read `src/daemon/daemon.ts` next: it wires the parts.
 *
 * @module
 */
import { runDaemon } from "./src/daemon/run.ts";

if (import.meta.main) Deno.exit(await runDaemon(Deno.args));

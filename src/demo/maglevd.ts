/** maglevd as the demo starts it: it ends when its standard input closes, so it never outlives a demo that was killed. */
import { runDaemon } from "../daemon/run.ts";

Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => Deno.kill(Deno.pid, "SIGTERM"));
Deno.exit(await runDaemon(Deno.args));

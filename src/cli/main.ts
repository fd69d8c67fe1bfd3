/**
 * maglevc: the command-line client.
 *
 * @module
 */
import { main } from "./program.ts";

Deno.exit(await main(Deno.args));

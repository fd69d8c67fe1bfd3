import type { Reactor } from "./socket.ts";
import type { Attempt } from "./attempt.ts";
import { type Verdict, verdict } from "./result.ts";
import { Connection } from "./socket.ts";

/** Probes by a TCP connect. Throws Cancelled. */
export async function probeTcp(attempt: Attempt, reactor: Reactor): Promise<Verdict> {
  const opened = await Connection.open(attempt, reactor);
  if (!opened.ok) return opened.error;
  using _connection = opened.value;
  return verdict("L4OK", "connected");
}

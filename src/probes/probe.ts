import type { Attempt } from "./attempt.ts";
import { probeHttp } from "./http.ts";
import { type Verdict, voided } from "./result.ts";
import type { Reactor } from "./socket.ts";
import { probeTcp } from "./tcp.ts";

/** Runs one probe of whatever type the attempt's check has. Throws Cancelled. */
export function probeWith(reactor: Reactor): (attempt: Attempt) => Promise<Verdict> {
  return (attempt) => {
    switch (attempt.plan.target.check.type) {
      case "tcp":
        return probeTcp(attempt, reactor);
      case "http":
      case "https":
        return probeHttp(attempt, reactor);
      case "icmp":
        return Promise.resolve(voided("permission", "L4CON", "icmp is not there yet"));
    }
  };
}

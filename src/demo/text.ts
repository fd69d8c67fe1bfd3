import type { ApiEvent } from "../cli/render/events.ts";

/** What the demo tells the person who started it. */
export interface Scene {
  /** Where the API answers, e.g. `http://127.0.0.1:9090`. */
  readonly api: string;
  /** How this person starts Deno, e.g. `deno` or `npx --yes deno@2.9.6`. */
  readonly deno: string;
  /** Flag that points maglevc at the API, with a leading blank; "" for the default address. */
  readonly serverFlag: string;
  /** The three web servers. */
  readonly backends: readonly {
    readonly name: string;
    readonly pid: number;
    readonly url: string;
    readonly log: string;
    readonly restart: string;
  }[];
  /** Process of the simulated VPP. */
  readonly simulatorPid: number;
  /** Process of maglevd. */
  readonly maglevdPid: number;
  /** Path of the configuration. */
  readonly config: string;
  /** Path of maglevd's log. */
  readonly maglevdLog: string;
  /** Path of VPP's API socket. */
  readonly apiSocket: string;
}

/** The page that is printed when everything is up. */
export function introduction(scene: Scene): string {
  const first = scene.backends[0];
  const maglevc = `${scene.deno} task maglevc${scene.serverFlag}`;
  const rows = scene.backends.map((b) =>
    `  backend ${b.name}    pid ${String(b.pid).padEnd(8)}${b.url}   its log: ${b.log}`
  );
  return [
    "",
    "Everything is up.",
    "",
    `  maglevd       pid ${String(scene.maglevdPid).padEnd(8)}${scene.api}   its log: ${scene.maglevdLog}`,
    `  VPP (simul.)  pid ${String(scene.simulatorPid).padEnd(8)}${scene.apiSocket}`,
    ...rows,
    `  configuration             ${scene.config}`,
    "",
    "Five things to try, in another terminal:",
    "",
    `  1. Kill a backend and watch its weight move:   kill -9 ${first?.pid ?? 0}`,
    `     ... and start it again:                     ${first?.restart ?? ""}`,
    `  2. Look at a frontend:                         ${maglevc} show frontend www`,
    `  3. See what a sync would do now, and why:      ${maglevc} show vpp lb plan`,
    `  4. Read the metrics:                           curl -s ${scene.api}/metrics | grep ^maglev_`,
    `  5. Follow the events as JSON:                  curl -sN ${scene.api}/v1/events`,
    "",
    "Events follow. Ctrl-C ends the demo and leaves nothing behind.",
    "",
  ].join("\n");
}

/**
 * Whether an event is worth a line of the demo: the changes themselves, what was sent to VPP for them, and
 * everything that somebody should look at.
 */
export function isTold(event: ApiEvent): boolean {
  if (event.kind !== "log") return true;
  return event.msg.startsWith("vpp-lbsync-as") || event.level === "warn" || event.level === "error";
}

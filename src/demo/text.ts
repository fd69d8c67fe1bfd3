import type { ApiEvent } from "../cli/shapes/mod.ts";
import { wordsHelp } from "./words.ts";

/** What the demo tells the person who started it. */
export interface Scene {
  /** Where the API answers, e.g. `http://127.0.0.1:9090`. */
  readonly api: string;
  /** Folder with maglevc, the configuration and the logs. */
  readonly folder: string;
  /** Number of nodes; above 1 they are a fleet. */
  readonly nodes: number;
}

/** The text that is printed when everything is up: no line over 80 columns, with a folder of up to 40. */
export function introduction({ api, folder, nodes }: Scene): string {
  return [
    "",
    `Everything is up. Files: ${folder}`,
    "",
    "  1. type  kill b1          a web server dies; start b1 brings it back",
    "  2. type  drift            somebody changes VPP by hand (help: more words)",
    `  3. run   ${folder}/maglevc show frontends`,
    `  4. run   ${folder}/maglevc probe www path /`,
    `  5. open  ${api}/`,
    ...(nodes === 1 ? [] : [
      `  6. run   ${folder}/maglevc show fleet`,
      `  7. run   ${folder}/maglevc \\`,
      "             set backend b2 pause everywhere, and look at the other tabs",
    ]),
    "",
    "Events follow. Ctrl-C ends the demo and leaves nothing behind.",
    "",
  ].join("\n");
}

/** The words and what each does. */
export function helpText(): string {
  const all = [...wordsHelp, ["Ctrl-C", "ends the demo"]] as const;
  return all.map(([words, what]) => `  ${words.padEnd(16)}${what}`).join("\n");
}

/**
 * Whether an event is worth a line of the demo: the changes themselves, what was sent to VPP for them, and
 * everything that somebody should look at.
 */
export function isTold(event: ApiEvent): boolean {
  if (event.kind !== "log") return true;
  return event.msg.startsWith("vpp-lbsync-as") || event.level === "warn" || event.level === "error";
}

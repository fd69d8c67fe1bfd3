/// <reference lib="deno.worker" />
/**
 * The journal's thread: SQLite blocks while the disk does, so it runs away from probes and API.
 *
 * @module
 */
import { JournalKeeper } from "./keeper.ts";
import type { JournalRequest } from "./messages.ts";

const keeper = new JournalKeeper();

self.onmessage = ({ data }: MessageEvent<JournalRequest>) => {
  self.postMessage(keeper.handle(data));
  if (data.kind === "close") self.close();
};

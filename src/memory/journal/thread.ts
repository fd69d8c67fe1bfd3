import { startThread, threadHints, type ThreadLack } from "../../async/thread.ts";
import type { StartThread } from "./parts.ts";
import type { JournalAnswer } from "./messages.ts";

/**
 * Starts the journal's thread.
 *
 * @param lack what is missing for a thread now; null: nothing
 */
export function journalThread(lack: () => ThreadLack | null): StartThread {
  return (onAnswer, onDeath) => {
    const spawn = () => new Worker(new URL("./journal_worker.ts", import.meta.url), { type: "module" });
    const worker = startThread(spawn, lack);
    if (typeof worker === "string") return threadHints[worker];
    worker.onmessage = ({ data }: MessageEvent<JournalAnswer>) => onAnswer(data);
    worker.onerror = (event) => {
      event.preventDefault();
      onDeath(`the journal's thread ended: ${event.message}`);
    };
    return {
      send: (request) => worker.postMessage(request),
      [Symbol.dispose]: () => worker.terminate(),
    };
  };
}

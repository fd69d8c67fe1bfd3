// Tells the number of its thread.
import { threadId } from "../../../ffi/thread.ts";

(globalThis as unknown as { postMessage(message: number): void }).postMessage(threadId());

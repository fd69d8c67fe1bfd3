/**
 * Checks configurations in a thread of its own, so that a large or hostile one holds up nothing else.
 *
 * @module
 */
/// <reference lib="webworker" />
import type { CheckResult } from "../config/check.ts";
import { FINDINGS_LIMIT } from "../config/findings.ts";
import { checkText, loadConfig } from "../config/load.ts";

/** What is to be checked. */
export type CheckRequest = FileRequest | { readonly text: string };

/** The daemon's own file. */
export interface FileRequest {
  /** Its path. */
  readonly file: string;
  /** The daemon's name as a flag gave it; null: none was given. */
  readonly nodeName: string | null;
  /** Units of files that the daemon uses now, see `CheckOptions`. */
  readonly inUse: readonly string[];
}

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data }: MessageEvent<CheckRequest>) => {
  const limit = FINDINGS_LIMIT;
  const result: CheckResult = "file" in data
    ? loadConfig(data.file, { limit, nodeName: data.nodeName, inUse: data.inUse, tlsRequired: true })
    : checkText(data.text, "<body>", { fileRules: false, limit });
  self.postMessage(result);
};

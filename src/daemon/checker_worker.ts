/**
 * Checks configurations in a thread of its own, so that a large or hostile one holds up nothing else.
 *
 * @module
 */
/// <reference lib="webworker" />
import type { CheckResult } from "../config/check.ts";
import { FINDINGS_LIMIT } from "../config/findings.ts";
import { checkText, loadConfig } from "../config/load.ts";

/** What is to be checked: a file, or posted text. */
export type CheckRequest = { readonly file: string } | { readonly text: string };

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data }: MessageEvent<CheckRequest>) => {
  const result: CheckResult = "file" in data
    ? loadConfig(data.file, { limit: FINDINGS_LIMIT })
    : checkText(data.text, "<body>", { fileRules: false, limit: FINDINGS_LIMIT });
  self.postMessage(result);
};

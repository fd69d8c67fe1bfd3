/**
 * The one path of a reload, whoever asks for it: check the file, and if it is good run it.
 *
 * @module
 */
import type * as api from "../api.ts";
import { type CheckResult, toConfigCheck } from "../config/check.ts";
import { diffConfigs } from "../config/diff.ts";
import { formatFinding } from "../config/findings.ts";
import type { Changed, Refusal } from "../control.ts";
import type { RuntimeWeight } from "../health/running.ts";
import type { Tracker } from "../health/tracker.ts";
import type { Reconciler } from "../lb/reconcile.ts";
import type { Log } from "../log.ts";
import type { Actor, Config } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import type { Checker } from "./checker.ts";

/** What a reload needs. */
export interface ReloaderParts {
  /** Path of the configuration file. */
  readonly path: string;
  /** Checks the file off the main thread. */
  readonly checker: Pick<Checker, "check">;
  /** Takes the new configuration. */
  readonly tracker: Pick<Tracker, "fileConfig" | "reload">;
  /** Brings it to VPP. */
  readonly reconciler: Pick<Reconciler, "reloaded">;
  /** Log of the daemon. */
  readonly log: Log;
}

/** Writes what a check found, one record a finding. */
export function logFindings(log: Log, check: CheckResult): void {
  for (const finding of check.findings) {
    const { severity, file, line, column, path, message, hint } = finding;
    const attrs = { file, line, column, path, error: message, ...(hint === null ? {} : { hint }) };
    if (severity === "error") log.error("config-error", attrs);
    else log.warn("config-error", attrs);
  }
}

/** Reloads, one at a time; whatever becomes of one is logged, since a signal has no answer. */
export class Reloader {
  readonly #parts: ReloaderParts;
  #last: Promise<unknown> = Promise.resolve();

  /** Makes a reloader. */
  constructor(parts: ReloaderParts) {
    this.#parts = parts;
  }

  /**
   * Reloads after every reload that was asked for before. Refused `invalid` for a wrong file, `busy` for one that
   * takes too long to check: nothing changes.
   */
  reload(actor: Actor): Promise<Result<Changed<api.ConfigReload>, Refusal>> {
    const next = this.#last.then(() => this.#reload(actor));
    // The next one must run whatever became of this one, whose own caller learns of its failure.
    this.#last = next.catch(() => {});
    return next;
  }

  async #reload(actor: Actor): Promise<Result<Changed<api.ConfigReload>, Refusal>> {
    const { checker, log, path, reconciler, tracker } = this.#parts;
    const checked = await checker.check({ file: path });
    if (!checked.ok) {
      const error = checked.error.detail;
      log.error("config-reload", { config: path, ok: false, by: actor.principal, error });
      return checked;
    }
    logFindings(log, checked.value);
    const check = toConfigCheck(checked.value);
    const { config } = checked.value;
    if (config === null) {
      log.error("config-reload", {
        config: path,
        ok: false,
        by: actor.principal,
        errors: check.errors.length,
      });
      const count = check.errors.length === 1 ? "1 error" : `${check.errors.length} errors`;
      const first = check.errors[0];
      const detail = `${path} has ${count}, nothing was changed${
        first === undefined ? "" : `: ${formatFinding(first)}`
      }`;
      return err({ type: "invalid", detail, errors: check.errors, check });
    }
    const before = tracker.fileConfig;
    const { weightsReset } = tracker.reload(config, actor);
    const changes = [...diffConfigs(before, config), ...weightsReset.map(weightChange)];
    log.info("config-reload", {
      config: path,
      ok: true,
      by: actor.principal,
      changes: changes.map((c) => `${c.object} ${c.name} ${c.change}`.replace("  ", " ")),
    });
    const sync = await reconciler.reloaded();
    const after = summary(config);
    return ok({
      value: { ...check, changes, sync },
      before: summary(before),
      after: { ...after, changes: changes.length },
    });
  }
}

function weightChange({ frontend, pool, backend, file, weight }: RuntimeWeight): api.ReloadChange {
  return {
    object: "frontend",
    name: frontend,
    change: "changed",
    fields: [`pools.${pool}.backends.${backend}.weight`],
    effect: file === null
      ? `the weight ${weight} that was set at run time is gone with the member`
      : `the weight ${weight} that was set at run time goes back to the file's ${file}`,
  };
}

function summary(config: Config): Record<string, number> {
  const { backends, frontends, healthchecks } = config;
  return { healthchecks: healthchecks.size, backends: backends.size, frontends: frontends.size };
}

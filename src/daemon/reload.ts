/**
 * The one path of a reload, whoever asks for it: check the file, and if it is good run it.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { type CheckResult, toConfigCheck } from "../config/check.ts";
import { diffConfigs } from "../config/diff.ts";
import { exportConfig } from "../config/export.ts";
import { formatFinding } from "../config/findings.ts";
import type { Changed, Refusal } from "../control.ts";
import type { FileStore } from "../files/store.ts";
import type { Tracker } from "../health/tracker.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import type { Log } from "../log/mod.ts";
import type { Actor } from "../model.ts";
import type { Config } from "../configuration.ts";
import { err, ok, type Result } from "../result.ts";
import { renamedBackends } from "../health/config.ts";
import { plainConsequences } from "./order.ts";
import { overrideChanges } from "../snapshot/overrides.ts";
import type { Checker } from "./checker.ts";
import type { FileRequest } from "./checker_worker.ts";
import type { Foresee } from "./foresight.ts";
import type { Recorder } from "./recorder.ts";
import type { SecretsInUse } from "./secrets.ts";

/** What a reload needs. */
export interface ReloaderParts {
  /** What is checked: the daemon's own file. */
  readonly request: () => FileRequest;
  /** Checks the file off the main thread. */
  readonly checker: Pick<Checker, "check">;
  /** Takes the new configuration. */
  readonly tracker: Pick<Tracker, "fileConfig" | "foreseenReload" | "reload">;
  /** Brings it to VPP. */
  readonly reconciler: Pick<Reconciler, "reloaded">;
  /** The daemon's own files, which a reload reads again, too. */
  readonly secrets: Pick<SecretsInUse, "look" | "warnings">;
  /** Takes what the files hold that the new configuration names. */
  readonly files: Pick<FileStore, "take">;
  /** Records every outcome. */
  readonly recorder: Pick<Recorder, "config">;
  /** The consequences of a reload; asked before it. */
  readonly foresee: (file: Config) => Foresee;
  /** Waits until the disk has the overrides; null: it has, or why it has not. */
  readonly saved: () => Promise<string | null>;
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

/** What a reload did, or why nothing was changed. */
export type Outcome = Result<Changed<api.ConfigReload>, Refusal>;

/**
 * Reloads: files are checked and taken one at a time, and none waits for what VPP makes of the one before it.
 * Whatever becomes of one is logged, since a signal has no answer.
 */
export class Reloader {
  readonly #parts: ReloaderParts;
  #last: Promise<unknown> = Promise.resolve();
  #signalled: Promise<Outcome> | null = null;

  /** Makes a reloader. */
  constructor(parts: ReloaderParts) {
    this.#parts = parts;
  }

  /**
   * Reloads after every reload that was asked for before; resolves when VPP was told. Refused `invalid` for a
   * wrong file, `busy` for one that takes too long to check: nothing changes.
   */
  reload(actor: Actor): Promise<Outcome> {
    return this.#queue(actor, () => {});
  }

  /** The same for a signal. They come in swarms: all that come before the file is read are one. */
  reloadOnSignal(actor: Actor): Promise<Outcome> {
    this.#signalled ??= this.#queue(actor, () => this.#signalled = null);
    return this.#signalled;
  }

  /** What a reload would change now; nothing happens. Refused as `reload`. */
  async preview(): Promise<Outcome> {
    const { checker, request, tracker } = this.#parts;
    const asked = request();
    const checked = await checker.check(asked);
    if (!checked.ok) return checked;
    const { config } = checked.value;
    const check = toConfigCheck(checked.value);
    if (config === null) return err(wrongFile(asked.file, check));
    const before = tracker.fileConfig;
    const renamed = renamedBackends(before.backends, config.backends);
    const { change } = tracker.foreseenReload(config).overrides;
    const changes = [...diffConfigs(before, config, { renamed }), ...overrideChanges(change)];
    const foreseen = await this.#parts.foresee(config)();
    const consequences = { ...plainConsequences(true, null, null), ...foreseen };
    return ok({ value: { ...check, changes, sync: null, consequences }, before: null, after: null });
  }

  async #queue(actor: Actor, begun: () => void): Promise<Outcome> {
    const taken = this.#last.then(() => {
      begun();
      return this.#take(actor);
    });
    // The next one must run whatever became of this one, whose own caller learns of its failure.
    this.#last = taken.catch(() => {});
    const finish = await taken;
    return finish.ok ? await finish.value : finish;
  }

  /** Checks the file and runs it; what VPP makes of it comes later. */
  async #take(actor: Actor): Promise<Result<Promise<Outcome>, Refusal>> {
    const { checker, files, log, reconciler, recorder, request, saved, secrets, tracker } = this.#parts;
    const asked = request();
    const path = asked.file;
    const by = actor.principal;
    // Whatever becomes of the configuration: a mistake there must not keep a leaked token valid.
    await secrets.look();
    const checked = await checker.check(asked);
    if (!checked.ok) {
      log.error("config-reload", { config: path, ok: false, by, error: checked.error.detail });
      recorder.config(path, actor, { what: "refused", errors: [], detail: checked.error.detail });
      return checked;
    }
    logFindings(log, checked.value);
    const check = toConfigCheck(checked.value);
    const kept = secrets.warnings();
    const { config } = checked.value;
    if (config === null) {
      log.error("config-reload", { config: path, ok: false, by, errors: check.errors.length });
      recorder.config(path, actor, { what: "refused", errors: check.errors, detail: "" });
      return err(wrongFile(path, check));
    }
    // Before the checks that name them are probed.
    files.take(checked.value.files);
    const before = tracker.fileConfig;
    const foresee = this.#parts.foresee(config);
    const { overrides, renamed } = tracker.reload(config, actor);
    const changes = [...diffConfigs(before, config, { renamed }), ...overrideChanges(overrides)];
    log.info("config-reload", {
      config: path,
      ok: true,
      by,
      changes: changes.map((c) => `${c.object} ${c.name} ${c.change}`.replace("  ", " ")),
    });
    recorder.config(path, actor, { what: "reloaded", config: exportConfig(config), changes });
    const after = { ...summary(config), changes: changes.length };
    const done = async (): Promise<Outcome> => {
      const [sync, foreseen, unsaved] = await Promise.all([reconciler.reloaded(), foresee(), saved()]);
      const consequences = { ...plainConsequences(false, unsaved, null), ...foreseen };
      const warnings = [...check.warnings, ...kept];
      return ok({
        value: { ...check, warnings, changes, sync, consequences },
        before: summary(before),
        after,
      });
    };
    return ok(done());
  }
}

function wrongFile(path: string, check: api.ConfigCheck): Refusal {
  const count = check.errors.length === 1 ? "1 error" : `${check.errors.length} errors`;
  const first = check.errors[0];
  const detail = `${path} has ${count}, nothing was changed${
    first === undefined ? "" : `: ${formatFinding(first)}`
  }`;
  return { type: "invalid", detail, errors: check.errors, check };
}

function summary(config: Config): Record<string, number> {
  const { backends, frontends, healthchecks } = config;
  return { healthchecks: healthchecks.size, backends: backends.size, frontends: frontends.size };
}

/**
 * The checker: text of a configuration to a `Config` and everything that is wrong with it. Pure but for the
 * `readFile` it is given. `maglevd --check`, the daemon's start, reload and `POST /v1/config/check` all come
 * through here.
 *
 * @module
 */
import type { ConfigCheck, Finding } from "../api/mod.ts";
import type { Config } from "../configuration.ts";
import { buildConfig } from "./build.ts";
import type { ReadNamed } from "../files/disk.ts";
import { noTrial, type Trial } from "../files/trial.ts";
import type { UnitRead } from "../files/unit.ts";
import { NamedFiles } from "./files.ts";
import { Findings, formatFinding, limitFindings } from "./findings.ts";
import { lint } from "./lints.ts";
import { checkRules } from "./rules.ts";
import { DOCUMENT } from "./schema.ts";
import { parseYaml } from "./yaml.ts";

/** How to check. */
export interface CheckOptions {
  /** Name of the file in the findings; `<body>` for posted text. */
  readonly file: string;
  /** Reads the files that the configuration names; null: rules about them are not applied. */
  readonly readFile: ReadNamed | null;
  /** Units of files that the daemon uses now, see `NamedFiles`; absent: none. */
  readonly inUse?: readonly string[];
  /** What OpenSSL makes of those files; absent: nobody asks it. */
  readonly trial?: Trial;
  /** Whether checks with TLS are refused where there is no OpenSSL; absent: no. */
  readonly tlsRequired?: boolean;
  /** Errors that the result holds at most, and warnings; absent: all. */
  readonly limit?: number;
  /** The daemon's name as a flag gave it; absent or null: none was given. */
  readonly nodeName?: string | null;
}

/** What the checker found. */
export interface CheckResult {
  /** Null if there is any error. */
  readonly config: Config | null;
  /** Errors, then warnings, each in the order of the sections. */
  readonly findings: readonly Finding[];
  /** Lines of the structural errors, joined by line feeds; "" when none. */
  readonly parseError: string;
  /** Lines of the semantic errors, joined by line feeds; "" when none. */
  readonly semanticError: string;
  /** 0 good, 1 any structural error, 2 semantic errors only. */
  readonly exitCode: 0 | 1 | 2;
  /** The files that the configuration names, as they were read. */
  readonly files: readonly UnitRead[];
}

/**
 * Makes a result of findings; `config` is dropped if one of them is an error.
 *
 * @param findings errors, then warnings
 * @param limit errors that the result holds at most, and warnings
 */
export function judge(findings: readonly Finding[], config: Config | null, limit = Infinity): CheckResult {
  const errors = findings.filter(({ severity }) => severity === "error");
  const warnings = findings.filter(({ severity }) => severity === "warning");
  const shown = [
    ...limitFindings(errors, errors.length, limit),
    ...limitFindings(warnings, warnings.length, limit),
  ];
  const lines = (pass: Finding["pass"]) =>
    shown.filter((finding) => finding.pass === pass).map(formatFinding).join("\n");
  const parseError = lines("structural");
  const semanticError = lines("semantic");
  const exitCode = parseError !== "" ? 1 : semanticError !== "" ? 2 : 0;
  return {
    config: exitCode === 0 ? config : null,
    findings: shown,
    parseError,
    semanticError,
    exitCode,
    files: [],
  };
}

/** Checks the text of a configuration. Never throws, whatever the text. */
export function checkConfig(text: string, options: CheckOptions): CheckResult {
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  const tree = parseYaml(source);
  const out = new Findings(tree.damaged);
  for (const { offset, path, message, hint } of tree.errors) {
    out.syntax({ offset, path }, message, hint);
  }
  const { inUse, nodeName = null, readFile, tlsRequired = false, trial = noTrial } = options;
  const files = readFile === null ? null : new NamedFiles(readFile, trial, inUse);
  const root = tree.root ?? { kind: "map", offset: 0, entries: [], problems: [] };
  const maglev = DOCUMENT.read(root, { offset: 0, path: "" }, out)?.maglev.value;
  if (maglev === undefined) return judge(out.list(options.file, source), null, options.limit);
  const judged = checkRules(
    maglev,
    { files, nodeName, tlsMissing: () => tlsRequired ? trial.missing : null },
    out,
  );
  lint(maglev, out);
  const findings = out.list(options.file, source);
  const good = findings.every((finding) => finding.severity === "warning");
  return {
    ...judge(findings, good ? buildConfig(judged) : null, options.limit),
    files: files?.units ?? [],
  };
}

/** The result in the shape of the API. */
export function toConfigCheck(result: CheckResult): ConfigCheck {
  return {
    ok: result.exitCode === 0,
    parse_error: result.parseError,
    semantic_error: result.semanticError,
    errors: result.findings.filter((finding) => finding.severity === "error"),
    warnings: result.findings.filter((finding) => finding.severity === "warning"),
  };
}

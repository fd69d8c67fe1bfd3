/**
 * Actions that set or end an override. Each one can be tried (`dry-run`), asks on a terminal before a frontend goes
 * down, and says what it changed.
 *
 * @module
 */
import type * as api from "../../api/mod.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Answer, Failure, Request } from "../client.ts";
import { type Call, complain, type Context, fail, type Run, type View, viewOf } from "../context.ts";
import { exit, type ExitCode } from "../exit.ts";
import type { Command } from "../grammar.ts";
import { backendLines } from "../render/backends.ts";
import { consequencesLines, downQuestion, notKnown } from "../render/consequences.ts";
import { frontendLines } from "../render/frontends.ts";
import { overridesLines } from "../render/overrides.ts";
import { overrideCause, overrideText } from "../render/who.ts";
import type { Shape } from "../shape.ts";
import * as shapes from "../shapes/mod.ts";
import type { Block } from "../table.ts";
import { parseMoment, parseSpan } from "../when.ts";

const actions = ["pause", "resume", "disable", "enable"] as const;

/** Reason, end and scope of an override, as the line gives them; null: none of them. An error is a sentence. */
function bodyOf(call: Call, { world }: Context): Result<api.ActionBody | null, string> {
  const span = call.optional("span");
  const until = call.optional("time");
  const reason = call.optional("text");
  if (span !== null && until !== null) return err("give `for` or `until`, not both");
  const body: api.ActionBody = {};
  if (reason !== null) body.reason = reason;
  if (span !== null) {
    const ns = parseSpan(span);
    if (!ns.ok) return err(`for ${ns.error}`);
    body.for_ns = String(ns.value);
  }
  if (until !== null) {
    const ms = parseMoment(until, "future", world.now(), world.zone);
    if (!ms.ok) return err(`until ${ms.error}`);
    body.until = new Date(ms.value).toISOString();
  }
  if (call.has("everywhere")) body.everywhere = true;
  if (call.has("force")) body.force = true;
  return ok(Object.keys(body).length === 0 ? null : body);
}

function json(value: unknown): NonNullable<Request["body"]> {
  return { type: "application/json", text: JSON.stringify(value) };
}

/** An answer that may say what it changed. */
interface Changing {
  readonly consequences?: api.Consequences;
}

/** What an action is made of. */
interface Action<T extends Changing> {
  readonly request: Request;
  readonly shape: Shape<T>;
  readonly render: (value: T, view: View) => Block[];
  /** Whether it takes something out of service, so that its consequences must be known. */
  readonly risky: boolean;
}

function dryRun(request: Request): Request {
  return { ...request, path: `${request.path}?dry_run=true` };
}

/** Whether an older maglevd has refused the parameter, and so has changed nothing. */
export function knowsNoDryRun(failure: Failure): boolean {
  return failure.kind === "refused" && (failure.problem?.errors ?? []).some(({ path }) => path === "dry_run");
}

async function refused(call: Call, context: Context, failure: Failure): Promise<ExitCode> {
  const code = await fail(call, context, failure);
  if (failure.kind !== "refused" || failure.problem?.override === undefined) return code;
  const { override } = failure.problem;
  complain(
    context,
    `${overrideText(override)} is set ${overrideCause(override, viewOf(context))}; \`force\` replaces it`,
  );
  return code;
}

function show<T extends Changing>(
  { out, json, ...context }: Context,
  { render }: Action<T>,
  answer: Answer<T>,
): void {
  if (json) return out.json(answer.text);
  const view = viewOf({ out, json, ...context });
  const { consequences } = answer.value;
  // Of what was only tried nothing but its consequences is of interest: the rest is as it was.
  const state = consequences?.dry_run === true ? [] : render(answer.value, view);
  const blocks = consequences === undefined ? [] : consequencesLines(consequences, view);
  out.print([...state, ...(state.length > 0 && blocks.length > 0 ? [[]] : []), ...blocks]);
}

/** Tries an action, asks where it takes a frontend down, and does it. */
async function perform<T extends Changing>(
  call: Call,
  context: Context,
  action: Action<T>,
): Promise<ExitCode> {
  const { client, signal, ask } = context;
  const only = call.has("dry-run");
  if (only || (ask !== null && !call.has("yes"))) {
    const tried = await client.json({ ...dryRun(action.request), signal }, action.shape);
    if (!tried.ok && (only || !knowsNoDryRun(tried.error))) return await refused(call, context, tried.error);
    const consequences = tried.ok ? tried.value.value.consequences : undefined;
    // A maglevd that passes over what it does not know has done it.
    if (tried.ok && (only || consequences?.dry_run !== true)) {
      show(context, action, tried.value);
      if (consequences?.dry_run === true || !only) return exit.done;
      complain(context, "this maglevd knows no dry run: the change was made");
      return exit.failed;
    }
    const question = consequences === undefined
      ? action.risky ? notKnown : null
      : downQuestion(consequences, action.risky);
    if (question !== null && ask !== null) {
      if (consequences !== undefined) context.out.print(consequencesLines(consequences, viewOf(context)));
      if (!await ask(`${question}. Go on?`, signal)) {
        complain(context, "nothing was changed");
        return exit.failed;
      }
    }
  }
  const answer = await client.json({ ...action.request, signal }, action.shape);
  if (!answer.ok) return await refused(call, context, answer.error);
  show(context, action, answer.value);
  return exit.done;
}

async function setBackend(call: Call, context: Context): ReturnType<Run> {
  const body = bodyOf(call, context);
  if (!body.ok) {
    complain(context, body.error);
    return exit.usage;
  }
  const action = actions.find((action) => call.has(action));
  return await perform(call, context, {
    request: {
      method: "POST",
      path: `/v1/backends/${call.url("backend")}/${action}`,
      ...(body.value === null ? {} : { body: json(body.value) }),
    },
    shape: shapes.backend,
    render: backendLines,
    risky: action === "pause" || action === "disable",
  });
}

async function setWeight(call: Call, context: Context): ReturnType<Run> {
  const body = bodyOf(call, context);
  if (!body.ok) {
    complain(context, body.error);
    return exit.usage;
  }
  const weight = Number(call.text("weight"));
  const [frontend, pool, backend] = ["frontend", "pool", "backend"].map((name) => call.url(name));
  return await perform(call, context, {
    request: {
      method: "PUT",
      path: `/v1/frontends/${frontend}/pools/${pool}/backends/${backend}/weight`,
      body: json({ weight, flush: call.has("flush"), ...body.value }),
    },
    shape: shapes.frontend,
    render: frontendLines,
    risky: weight === 0,
  });
}

async function clearOverride(call: Call, context: Context): ReturnType<Run> {
  return await perform(call, context, {
    request: { method: "DELETE", path: `/v1/overrides/${call.url("id")}` },
    shape: shapes.overrideList,
    render: overridesLines,
    risky: false,
  });
}

const options = "[for <span>] [until <time>] [reason <text>] [everywhere [force]] [dry-run] [yes]";
const optionNotes =
  "`for` and `until` end it by itself; a clock without a date means the next time that it is so late. `dry-run` only says what would change. On a terminal an action that takes a frontend down asks first; `yes` answers, and scripts are not asked. `everywhere` sets it on all nodes of the fleet; `force` replaces what another operator set there.";

/** What sets overrides and ends them. */
export const actCommands: readonly Command<Run>[] = [
  {
    syntax: `set backend <backend> pause|resume|disable|enable ${options}`,
    help: "take a backend out of service, or put it back",
    notes:
      `\`pause\` stops probing and sends no new flows; flows that exist go on. \`disable\` does the same and drops the existing flows. \`resume\` and \`enable\` take them back; the backend is \`unknown\` until its next probe. ${optionNotes}`,
    run: setBackend,
  },
  {
    syntax: `set frontend <frontend> pool <pool> backend <backend> weight <weight> [flush] ${options}`,
    help: "change a weight; flush drops the backend's flows on this VIP",
    notes: "It holds until the file's own value changes, `clear override`, or the file's value is set again.",
    run: setWeight,
  },
  {
    syntax: "clear override <id> [dry-run] [yes]",
    help: "end what an operator set; it never flushes",
    run: clearOverride,
  },
];

import type * as api from "../../api/mod.ts";
import { ask, type Call, complain, type Context, fail, type Run, viewOf } from "../context.ts";
import { exit } from "../exit.ts";
import { fileErrorText } from "../files.ts";
import type { Command } from "../grammar.ts";
import { reloadLines } from "../render/config.ts";
import { checkLines, findingLines } from "../render/findings.ts";
import { syncLines } from "../render/plan.ts";
import { whereisLines } from "../render/whereis.ts";
import * as shapes from "../shapes/mod.ts";

/** A first sync of a VPP with thousands of VIPs takes its time. */
const syncTimeoutMs = 120_000;

function jsonBody(value: unknown): { type: "application/json"; text: string } {
  return { type: "application/json", text: JSON.stringify(value) };
}

async function syncState(call: Call, context: Context): ReturnType<Run> {
  const frontend = call.optional("frontend");
  const digest = call.optional("digest");
  const request: api.SyncRequest = {
    ...(frontend === null ? {} : { frontend }),
    ...(digest === null ? {} : { plan_digest: digest }),
  };
  const { client, signal, out } = context;
  const answer = await client.json({
    method: "POST",
    path: "/v1/vpp/lb/sync",
    body: jsonBody(request),
    signal,
    timeoutMs: syncTimeoutMs,
  }, shapes.syncResult);
  if (answer.ok) {
    if (context.json) context.out.json(answer.value.text);
    else out.print(syncLines(answer.value.value));
    return exit.done;
  }
  const { error } = answer;
  if (error.kind === "refused" && !context.json && error.problem?.sync !== undefined) {
    out.print(syncLines(error.problem.sync));
  }
  const code = await fail(call, context, error);
  if (error.kind === "refused" && error.problem?.plan_digest !== undefined) {
    complain(
      context,
      `the plan's digest is ${error.problem.plan_digest} now; look at the plan again before you send it`,
    );
  }
  return code;
}

async function checkConfig(call: Call, context: Context): ReturnType<Run> {
  const file = call.optional("file");
  let text: string | null = null;
  if (file !== null) {
    try {
      text = await context.world.readFile(file);
    } catch (error) {
      complain(context, `cannot read ${file}: ${fileErrorText(error)}`);
      return exit.failed;
    }
  }
  const answer = await context.client.json({
    method: "POST",
    path: "/v1/config/check",
    ...(text === null ? {} : { body: { type: "application/yaml", text } }),
    signal: context.signal,
  }, shapes.configCheck);
  if (!answer.ok) return await fail(call, context, answer.error);
  const check = answer.value.value;
  if (context.json) {
    context.out.json(answer.value.text);
    return check.ok ? exit.done : exit.failed;
  }
  const name = file ?? check.warnings[0]?.file ?? "the server's configuration file";
  context.out.complain(findingLines([...check.errors, ...check.warnings], name));
  context.out.print(checkLines(check, name));
  return check.ok ? exit.done : exit.failed;
}

async function reloadConfig(call: Call, context: Context): ReturnType<Run> {
  const { client, signal, out } = context;
  const answer = await client.json({
    method: "POST",
    path: `/v1/config/reload${call.has("dry-run") ? "?dry_run=true" : ""}`,
    signal,
    timeoutMs: syncTimeoutMs,
  }, shapes.configReload);
  if (answer.ok) {
    if (context.json) context.out.json(answer.value.text);
    else {
      out.complain(findingLines(answer.value.value.warnings));
      out.print(reloadLines(answer.value.value, viewOf(context)));
    }
    return exit.done;
  }
  const code = await fail(call, context, answer.error);
  if (answer.error.kind === "refused") {
    const placed = answer.error.problem?.errors?.filter((finding) => finding.file !== null) ?? [];
    out.complain(findingLines(placed));
  }
  return code;
}

/** Everything that changes something, and the questions about it. */
export const changeCommands: readonly Command<Run>[] = [
  {
    syntax: "sync vpp lb state [<frontend>] [plan <digest>]",
    help: "make VPP what it should be, now",
    notes:
      "Held changes are sent only with the digest of the plan that shows them. A frontend named `plan` must be quoted twice, as '\"plan\"'.",
    run: syncState,
  },
  {
    syntax: "config check [<file>]",
    help: "check the server's configuration file, or a file of this machine",
    run: checkConfig,
  },
  {
    syntax: "config reload [dry-run]",
    help: "run the server's configuration file as it is now, or say what that would change",
    run: reloadConfig,
  },
  {
    syntax: "whereis <client> [<port>] <frontend> [after-plan]",
    help: "which server a new flow of a client gets, now and after the next sync",
    run: ask(
      (call) => {
        const port = call.optional("port");
        const query = `client=${call.url("client")}${port === null ? "" : `&client_port=${port}`}`;
        return { path: `/v1/frontends/${call.url("frontend")}/whereis?${query}` };
      },
      shapes.whereis,
      (where, _view, call) => whereisLines(where, call.has("after-plan")),
    ),
  },
];

/**
 * The contract as a copy (`fixtures/api.ts`) against the daemon's own types, and against what the schemas put out.
 * The comparison happens at compile time: `deno check` of this file is the test, which `deno test` does first.
 */
import assert from "node:assert/strict";
import { z } from "@hono/zod-openapi";
import type { Equal, Schema } from "../routes/contract.ts";
import * as schemas from "../routes/schemas.ts";
import * as answers from "../routes/schemas_answers.ts";
import * as config from "../routes/schemas_config.ts";
import * as events from "../routes/schemas_events.ts";
import { OverrideList } from "../routes/overrides.ts";
import * as journal from "../routes/schemas_journal.ts";
import * as vpp from "../routes/schemas_vpp.ts";
import type * as ours from "../src/api/mod.ts";
import type * as theirs from "./fixtures/api.ts";

/** Takes only `true`. */
type Proof<T extends true> = T;

/** Compiles only if every line is true. */
type _SameTypes = [
  Proof<Equal<ours.Override, theirs.Override>>,
  Proof<Equal<ours.OverrideList, theirs.OverrideList>>,
  Proof<Equal<ours.Consequences, theirs.Consequences>>,
  Proof<Equal<ours.FrontendTransition, theirs.FrontendTransition>>,
  Proof<Equal<ours.Latency, theirs.Latency>>,
  Proof<Equal<ours.Certificate, theirs.Certificate>>,
  Proof<Equal<ours.ProblemList, theirs.ProblemList>>,
  Proof<Equal<ours.JournalKind, theirs.JournalKind>>,
  Proof<Equal<ours.JournalEntry, theirs.JournalEntry>>,
  Proof<Equal<ours.Journal, theirs.Journal>>,
  Proof<Equal<ours.Explain, theirs.Explain>>,
  Proof<Equal<ours.Replay, theirs.Replay>>,
  Proof<Equal<ours.ChangeEvent, theirs.ChangeEvent>>,
  Proof<Equal<ours.PeerList, theirs.PeerList>>,
  Proof<Equal<ours.Fleet, theirs.Fleet>>,
  Proof<Equal<ours.ActionBody, theirs.ActionBody>>,
  Proof<Equal<ours.AppServer, theirs.AppServer>>,
  Proof<Equal<ours.Backend, theirs.Backend>>,
  Proof<Equal<ours.BackendEvent, theirs.BackendEvent>>,
  Proof<Equal<ours.BackendList, theirs.BackendList>>,
  Proof<Equal<ours.Change, theirs.Change>>,
  Proof<Equal<ours.ChangeKind, theirs.ChangeKind>>,
  Proof<Equal<ours.Config, theirs.Config>>,
  Proof<Equal<ours.ConfigCheck, theirs.ConfigCheck>>,
  Proof<Equal<ours.ConfigReload, theirs.ConfigReload>>,
  Proof<Equal<ours.CurrentProblem, theirs.CurrentProblem>>,
  Proof<Equal<ours.DroppedEvent, theirs.DroppedEvent>>,
  Proof<Equal<ours.Finding, theirs.Finding>>,
  Proof<Equal<ours.Frontend, theirs.Frontend>>,
  Proof<Equal<ours.FrontendEvent, theirs.FrontendEvent>>,
  Proof<Equal<ours.FrontendList, theirs.FrontendList>>,
  Proof<Equal<ours.Health, theirs.Health>>,
  Proof<Equal<ours.HealthCheck, theirs.HealthCheck>>,
  Proof<Equal<ours.HealthCheckList, theirs.HealthCheckList>>,
  Proof<Equal<Omit<ours.Info, "grafana_url">, theirs.Info>>,
  Proof<Equal<ours.LbConf, theirs.LbConf>>,
  Proof<Equal<ours.LbCounters, theirs.LbCounters>>,
  Proof<Equal<ours.LbState, theirs.LbState>>,
  Proof<Equal<ours.LogEvent, theirs.LogEvent>>,
  Proof<Equal<ours.Moved, theirs.Moved>>,
  Proof<Equal<ours.Params, theirs.Params>>,
  Proof<Equal<ours.Plan, theirs.Plan>>,
  Proof<Equal<ours.Pool, theirs.Pool>>,
  Proof<Equal<ours.PoolBackend, theirs.PoolBackend>>,
  Proof<Equal<ours.Prediction, theirs.Prediction>>,
  Proof<Equal<ours.Probe, theirs.Probe>>,
  Proof<Equal<ours.Problem, theirs.Problem>>,
  Proof<Equal<ours.Ready, theirs.Ready>>,
  Proof<Equal<ours.ReloadChange, theirs.ReloadChange>>,
  Proof<Equal<ours.ResyncEvent, theirs.ResyncEvent>>,
  Proof<Equal<ours.ServerCounters, theirs.ServerCounters>>,
  Proof<Equal<ours.SetWeight, theirs.SetWeight>>,
  Proof<Equal<ours.SyncRequest, theirs.SyncRequest>>,
  Proof<Equal<ours.SyncResult, theirs.SyncResult>>,
  Proof<Equal<ours.Table, theirs.Table>>,
  Proof<Equal<ours.TableServer, theirs.TableServer>>,
  Proof<Equal<ours.Transition, theirs.Transition>>,
  Proof<Equal<ours.Vip, theirs.Vip>>,
  Proof<Equal<ours.VipCounters, theirs.VipCounters>>,
  Proof<Equal<ours.VoidCause, theirs.VoidCause>>,
  Proof<Equal<ours.VppEvent, theirs.VppEvent>>,
  Proof<Equal<ours.VppInfo, theirs.VppInfo>>,
  Proof<Equal<ours.WeightEffect, theirs.WeightEffect>>,
  Proof<Equal<ours.Whereis, theirs.Whereis>>,
];

/** The comparison itself must tell things apart. */
type _Differences = [
  Proof<Equal<Equal<{ a: string }, { a: string; b: number }>, false>>,
  Proof<Equal<Equal<{ a: string }, { a?: string }>, false>>,
  Proof<Equal<Equal<{ a: string }, { a: string | null }>, false>>,
  Proof<Equal<Equal<{ a: { b: "x" }[] }, { a: { b: "x" | "y" }[] }>, false>>,
  Proof<Equal<Equal<{ a: 1 } & { b: 2 }, { a: 1; b: 2 }>, true>>,
];

function accepts<T>(_schema: Schema<T>): void {}

Deno.test("every schema has the contract's type and a name in the document", () => {
  accepts<theirs.ActionBody>(schemas.ActionBody);
  accepts<theirs.Backend>(schemas.Backend);
  accepts<theirs.BackendList>(schemas.BackendList);
  accepts<theirs.Consequences>(answers.Consequences);
  accepts<theirs.CurrentProblem>(answers.CurrentProblem);
  accepts<theirs.FrontendTransition>(answers.FrontendTransition);
  accepts<theirs.Latency>(answers.Latency);
  accepts<theirs.Override>(answers.Override);
  accepts<theirs.OverrideList>(OverrideList);
  accepts<theirs.ProblemList>(answers.ProblemList);
  accepts<theirs.Explain>(answers.Explain);
  accepts<theirs.Finding>(schemas.Finding);
  accepts<theirs.Frontend>(schemas.Frontend);
  accepts<theirs.FrontendList>(schemas.FrontendList);
  accepts<theirs.Health>(schemas.Health);
  accepts<theirs.HealthCheck>(schemas.HealthCheck);
  accepts<theirs.HealthCheckList>(schemas.HealthCheckList);
  accepts<theirs.Info>(schemas.Info);
  accepts<theirs.Problem>(schemas.Problem);
  accepts<theirs.Ready>(schemas.Ready);
  accepts<theirs.SetWeight>(schemas.SetWeight);
  accepts<theirs.Table>(schemas.Table);
  accepts<theirs.Transition>(schemas.Transition);
  accepts<theirs.Whereis>(schemas.Whereis);
  accepts<theirs.Config>(config.Config);
  accepts<theirs.ConfigCheck>(config.ConfigCheck);
  accepts<theirs.ConfigReload>(config.ConfigReload);
  accepts<theirs.LbCounters>(vpp.LbCounters);
  accepts<theirs.LbState>(vpp.LbState);
  accepts<theirs.Plan>(vpp.Plan);
  accepts<theirs.SyncRequest>(vpp.SyncRequest);
  accepts<theirs.SyncResult>(vpp.SyncResult);
  accepts<theirs.VppInfo>(vpp.VppInfo);
  accepts<theirs.Journal>(journal.Journal);
  accepts<theirs.JournalEntry>(journal.JournalEntry);
  accepts<theirs.Replay>(journal.Replay);
  accepts<theirs.BackendEvent>(events.BackendEvent);
  accepts<theirs.ChangeEvent>(events.ChangeEvent);
  accepts<theirs.DroppedEvent>(events.DroppedEvent);
  accepts<theirs.FrontendEvent>(events.FrontendEvent);
  accepts<theirs.LogEvent>(events.LogEvent);
  accepts<theirs.ResyncEvent>(events.ResyncEvent);
  accepts<theirs.VppEvent>(events.VppEvent);
  const all = { ...schemas, ...answers, ...config, ...events, ...vpp };
  assert.equal(Object.keys(all).length, 40);
  for (const [name, schema] of Object.entries(all)) assert.ok(schema instanceof z.ZodType, name);
});

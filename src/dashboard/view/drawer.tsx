import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Explain, JournalEntry } from "../../api/mod.ts";
import { ApiError } from "../state/client.ts";
import { clean, clockText, latencyText, percentText } from "../state/format.ts";
import type { PageBackend, PageMember } from "../state/model.ts";
import { type Action, api, asked, mayChange, model, opened } from "../state/store.ts";
import { Age, LastResult, Link, OverrideText, Pips, Spark, StateMark, WeightBar } from "./parts.tsx";

/** What the daemon says about the opened object beyond the lists. */
const details = signal<
  {
    readonly explain: Explain | null;
    readonly backend: PageBackend | null;
    readonly journal: readonly JournalEntry[] | null;
  } | null
>(null);

async function load(kind: "backend" | "frontend", name: string, signal: AbortSignal): Promise<void> {
  const client = api.value;
  const orNull = async <T,>(call: Promise<T>): Promise<T | null> => {
    try {
      return await call;
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  };
  const [explain, backend, journal] = await Promise.all([
    orNull(client.explain(`${kind}s`, name, signal)),
    kind === "backend" ? orNull(client.backend(name, signal)) : null,
    orNull(client.journal({ [kind]: name, limit: "50" }, signal)),
  ]);
  if (!signal.aborted) details.value = { explain, backend, journal: journal?.entries ?? null };
}

/** Everything about one backend or frontend, beside the page. */
export function Drawer() {
  const at = opened.value;
  const state = at === null
    ? ""
    : at.kind === "backend"
    ? model.value.backends.get(at.name)?.since
    : model.value.frontends.get(at.name)?.since;
  useEffect(() => {
    if (at === null) return;
    details.value = null;
    const stop = new AbortController();
    load(at.kind, at.name, stop.signal).catch((error) => {
      if (!stop.signal.aborted) throw error;
    });
    return () => stop.abort();
  }, [at?.kind, at?.name, state]);
  if (at === null) return null;
  return (
    <aside class="drawer" aria-label={`${at.kind} ${clean(at.name)}`} tabIndex={-1}>
      <button type="button" class="close" aria-label="close" onClick={() => opened.value = null}>✕</button>
      <h2>
        {at.kind} <bdi>{clean(at.name)}</bdi>
      </h2>
      {at.kind === "backend" ? <BackendDetails name={at.name} /> : <FrontendDetails name={at.name} />}
      <ExplainText />
      <Past />
    </aside>
  );
}

function Buttons({ actions }: { readonly actions: readonly Action[] }) {
  if (!mayChange.value) return <p class="dim">you may look and not change</p>;
  return (
    <p class="actions">
      {actions.map((action) => (
        <button key={action.kind} type="button" onClick={() => asked.value = action}>{action.kind}</button>
      ))}
    </p>
  );
}

function BackendDetails({ name }: { readonly name: string }) {
  const backend = model.value.backends.get(name);
  if (backend === undefined) return <p>is not in the configuration</p>;
  const full = details.value?.backend ?? backend;
  const probe = backend.last_probe;
  const kinds = backend.state === "disabled"
    ? ["enable"] as const
    : backend.state === "paused"
    ? ["resume", "disable"] as const
    : ["pause", "disable"] as const;
  const certificate = full.certificate ?? null;
  return (
    <>
      <p>
        <StateMark state={backend.state} /> for <Age time={backend.since} />, {backend.address}, check{" "}
        <bdi>{clean(backend.healthcheck ?? "none")}</bdi>
      </p>
      <p>
        <Pips health={backend.health} /> <LastResult backend={backend} />
      </p>
      {backend.override === null || backend.override === undefined ? null : (
        <p>
          <OverrideText override={backend.override} />
        </p>
      )}
      <Buttons actions={kinds.map((kind) => ({ kind, backend: name }))} />
      {full.latency === null || full.latency === undefined ? null : (
        <p>
          <Spark spark={full.latency.spark} /> p50 {latencyText(full.latency.p50_ns)}, p95{" "}
          {latencyText(full.latency.p95_ns)}, p99 {latencyText(full.latency.p99_ns)}
        </p>
      )}
      {probe === null ? null : (
        <dl class="phases">
          <dt>connect</dt>
          <dd>{latencyText(probe.connect_ns)}</dd>
          <dt>TLS</dt>
          <dd>{latencyText(probe.tls_ns)}</dd>
          <dt>first octet</dt>
          <dd>{latencyText(probe.first_byte_ns)}</dd>
          <dt>whole</dt>
          <dd>{latencyText(probe.total_ns)}</dd>
        </dl>
      )}
      {certificate === null ? null : (
        <p>
          certificate of <bdi>{clean(certificate.subject)}</bdi> by <bdi>{clean(certificate.issuer)}</bdi>,
          {" "}
          {certificate.days_left} days left, for {certificate.names.map(clean).join(", ")}
        </p>
      )}
      <h3>Serves</h3>
      <ul class="plain">
        {backend.frontends.map(({ frontend, pool }) => (
          <Membership key={`${frontend} ${pool}`} backend={name} frontend={frontend} pool={pool} />
        ))}
      </ul>
      <h3>History</h3>
      <ul class="plain">
        {backend.transitions.map((one) => (
          <li key={one.at_unix_ns}>
            {clockText(one.at)} {one.from} → {one.to} {one.code} <bdi>{clean(one.detail)}</bdi>
            {one.by === null ? "" : ` by ${clean(one.by)}`}
          </li>
        ))}
      </ul>
    </>
  );
}

function Membership(
  { backend, frontend, pool }: { readonly backend: string; readonly frontend: string; readonly pool: string },
) {
  const member: PageMember | undefined = model.value.frontends.get(frontend)?.pools.find(({ name }) =>
    name === pool
  )?.backends.find(({ name }) => name === backend);
  return (
    <li>
      <Link kind="frontend" name={frontend} />/<bdi>{clean(pool)}</bdi> {member === undefined
        ? null
        : <WeightBar effective={member.effective_weight} weight={member.weight} file={member.file_weight} />}
      {mayChange.value && member !== undefined
        ? <WeightForm frontend={frontend} pool={pool} backend={backend} weight={member.weight} />
        : null}
      {member?.override == null ? null : <OverrideText override={member.override} />}
    </li>
  );
}

function WeightForm(
  { backend, frontend, pool, weight }: {
    readonly backend: string;
    readonly frontend: string;
    readonly pool: string;
    readonly weight: number;
  },
) {
  return (
    <form
      class="inline"
      onSubmit={(event) => {
        event.preventDefault();
        const value = Number(new FormData(event.currentTarget).get("weight"));
        asked.value = { kind: "weight", frontend, pool, backend, weight: value };
      }}
    >
      <label>
        weight <input name="weight" type="number" min={0} max={100} required defaultValue={String(weight)} />
      </label>{" "}
      <button type="submit">set</button>
    </form>
  );
}

function FrontendDetails({ name }: { readonly name: string }) {
  const frontend = model.value.frontends.get(name);
  if (frontend === undefined) return <p>is not in the configuration</p>;
  return (
    <>
      <p>
        <StateMark state={frontend.state} /> for <Age time={frontend.since} />, {frontend.address}{" "}
        {frontend.protocol} {frontend.port}, VPP: {frontend.vpp}
      </p>
      {frontend.pools.map((pool) => (
        <div key={pool.name}>
          <h3>
            pool <bdi>{clean(pool.name)}</bdi>
            {pool.active ? " (in use)" : ""}
          </h3>
          <ul class="plain">
            {pool.backends.map((member) => (
              <li key={member.name}>
                <Link kind="backend" name={member.name} /> <StateMark state={member.state} /> share{" "}
                {percentText(member.share)}
                <Membership backend={member.name} frontend={name} pool={pool.name} />
              </li>
            ))}
          </ul>
        </div>
      ))}
    </>
  );
}

function ExplainText() {
  const explain = details.value?.explain ?? null;
  if (explain === null) return null;
  return (
    <>
      <h3>Why</h3>
      <p>
        <bdi>{clean(explain.text)}</bdi>
      </p>
      <ul class="plain">
        {explain.members.map((member) => (
          <li key={`${member.frontend} ${member.pool} ${member.backend}`}>
            <bdi>{clean(member.frontend)}/{clean(member.pool)}/{clean(member.backend)}</bdi>: file{" "}
            {member.file_weight}
            {member.override === null ? "" : `, override ${member.override.weight ?? member.override.kind}`},
            {" "}
            {member.state} ({clean(member.state_reason)}),{" "}
            {member.in_use ? "pool in use" : clean(member.pool_reason)}, weight {member.effective_weight}
            {member.sent === null ? "" : `, sent ${member.sent.weight} at ${clockText(member.sent.at)}`}
            {member.in_vpp === null ? "" : `, VPP has ${member.in_vpp.weight}`}
          </li>
        ))}
      </ul>
    </>
  );
}

function Past() {
  const journal = details.value?.journal ?? null;
  if (journal === null || journal.length === 0) return null;
  return (
    <>
      <h3>Journal</h3>
      <ul class="plain">
        {journal.map((entry) => (
          <li key={entry.seq}>
            {clockText(entry.at)} <bdi>{clean(entry.text)}</bdi>
          </li>
        ))}
      </ul>
    </>
  );
}

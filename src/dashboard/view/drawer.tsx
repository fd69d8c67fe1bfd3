import { computed, signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Explain, JournalEntry } from "../../api/mod.ts";
import { ApiError } from "../state/client.ts";
import { clean, clockText, latencyText } from "../state/format.ts";
import { type PageBackend, type PageMember, wantedShares } from "../state/model.ts";
import { acceptBackend, acceptExplain, acceptJournal } from "../state/shapes.ts";
import { type Action, api, asked, mayChange, model, opened, peer, reading } from "../state/store.ts";
import { GrafanaLink } from "./grafana.tsx";
import {
  Age,
  LastResult,
  Link,
  OverrideText,
  Pips,
  ShareBar,
  Spark,
  StateMark,
  WeightBar,
} from "./parts.tsx";
import { Plot } from "./plot.tsx";

/** What the daemon says about one object beyond the lists. */
const loaded = signal<
  {
    readonly of: string;
    readonly explain: Explain | null;
    readonly backend: PageBackend | null;
    readonly journal: readonly JournalEntry[] | null;
  } | null
>(null);

/** Which object of which daemon is open; "": none. */
const openedKey = computed(() =>
  opened.value === null ? "" : `${reading.value} ${opened.value.kind} ${opened.value.name}`
);
/** Of the opened object; null: not read yet. */
const details = computed(() => loaded.value?.of === openedKey.value ? loaded.value : null);

async function load(kind: "backend" | "frontend", name: string, signal: AbortSignal): Promise<void> {
  const client = api.value;
  const of = openedKey.peek();
  const orNull = async <T,>(call: Promise<T>): Promise<T | null> => {
    try {
      return await call;
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  };
  const [explain, backend, journal] = await Promise.all([
    orNull(client.explain(`${kind}s`, name, signal).then(acceptExplain)),
    kind === "backend" ? orNull(client.backend(name, signal).then(acceptBackend)) : null,
    orNull(client.journal({ [kind]: name, limit: "50" }, signal).then(acceptJournal)),
  ]);
  if (!signal.aborted) loaded.value = { of, explain, backend, journal };
}

/** A text that differs when what the drawer asked for may be old. */
function changesOf(kind: "backend" | "frontend", name: string): string {
  const { backends, frontends, overrides } = model.value;
  const since = kind === "backend" ? backends.get(name)?.since : frontends.get(name)?.since;
  const set = (overrides ?? []).filter((one) => one[kind] === name).map(({ id }) => id);
  return [since, ...set].join(" ");
}

/** Everything about one backend or frontend, beside the page. */
export function Drawer() {
  const at = opened.value;
  const changes = at === null ? "" : changesOf(at.kind, at.name);
  useEffect(() => {
    if (at === null) return;
    const stop = new AbortController();
    load(at.kind, at.name, stop.signal).catch((error) => {
      if (!stop.signal.aborted) throw error;
    });
    return () => stop.abort();
  }, [at?.kind, at?.name, changes]);
  const drawer = useRef<HTMLElement>(null);
  // Before the next key may come, and not some time after it is drawn.
  useLayoutEffect(() => {
    if (at === null) return;
    // Whoever works by keyboard goes on in the drawer, and afterwards where it was opened.
    const before = document.activeElement;
    drawer.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [at?.kind, at?.name]);
  if (at === null) return null;
  return (
    <aside ref={drawer} class="drawer" aria-label={`${at.kind} ${clean(at.name)}`} tabIndex={-1}>
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
  if (!mayChange.value) {
    return (
      <p class="dim">
        {peer.value === null ? "a change needs a token" : "changes are made on that daemon's own page"}
      </p>
    );
  }
  return (
    <p class="actions">
      {
        // By place: the button that paused something is the one that resumes it, and keeps the focus.
        actions.map((action, i) => (
          <button key={i} type="button" onClick={() => asked.value = action}>{action.kind}</button>
        ))
      }
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
      <p class="line">
        <StateMark state={backend.state} />
        <span>
          for <Age time={backend.since} />
        </span>
        <span class="address">{clean(backend.address)}</span>
        <span>
          check <bdi>{clean(backend.healthcheck ?? "none")}</bdi>
        </span>
        <GrafanaLink kind="backend" name={name} />
      </p>
      <p class="line">
        <Pips health={backend.health} /> <LastResult backend={backend} />
      </p>
      {backend.blind == null ? null : (
        <p class="void">
          blind for <Age time={backend.blind.since} />: <bdi>{clean(backend.blind.detail)}</bdi>
        </p>
      )}
      {backend.override === null || backend.override === undefined ? null : (
        <p>
          <OverrideText override={backend.override} />
        </p>
      )}
      <Buttons actions={kinds.map((kind) => ({ kind, backend: name }))} />
      <Latency backend={full} />
      {probe === null || probe === undefined ? null : (
        <>
          <h3>Phases of the last probe</h3>
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
        </>
      )}
      {certificate === null ? null : (
        <>
          <h3>Certificate</h3>
          <p>
            of <bdi>{clean(certificate.subject)}</bdi> by <bdi>{clean(certificate.issuer)}</bdi>, for{" "}
            <bdi>{certificate.names.map(clean).join(", ")}</bdi>:{" "}
            <span class={certificate.days_left < 14 ? "bad" : "good"}>
              {certificate.days_left} days left
            </span>
          </p>
        </>
      )}
      <h3>Serves</h3>
      <ul class="plain">
        {(backend.frontends ?? []).map(({ frontend, pool }) => (
          <Membership key={`${frontend} ${pool}`} backend={name} frontend={frontend} pool={pool} />
        ))}
      </ul>
      <h3>History</h3>
      <ul class="plain">
        {backend.transitions.map((one) => (
          <li key={one.at_unix_ns}>
            <time title={one.at}>{clockText(one.at)}</time> {clean(one.from)} → <StateMark state={one.to} />
            {" "}
            {clean(one.code)} <bdi>{clean(one.detail)}</bdi>
            {one.by === null ? "" : ` by ${clean(one.by)}`}
          </li>
        ))}
      </ul>
    </>
  );
}

interface Place {
  readonly backend: string;
  readonly frontend: string;
  readonly pool: string;
}

function Membership({ backend, frontend, pool }: Place) {
  return (
    <li class="line">
      <span class="place">
        <Link kind="frontend" name={frontend} />/<bdi>{clean(pool)}</bdi>
      </span>
      <MemberWeight backend={backend} frontend={frontend} pool={pool} />
    </li>
  );
}

function MemberWeight({ backend, frontend, pool }: Place) {
  const pools = model.value.frontends.get(frontend)?.pools;
  const member: PageMember | undefined = pools?.find(({ name }) => name === pool)?.backends.find(({ name }) =>
    name === backend
  );
  if (member === undefined) return null;
  return (
    <span class="line">
      <WeightBar effective={member.effective_weight} weight={member.weight} file={member.file_weight} />
      {mayChange.value
        ? <WeightForm frontend={frontend} pool={pool} backend={backend} weight={member.weight} />
        : null}
      {member.override == null ? null : <OverrideText override={member.override} />}
    </span>
  );
}

/** The last hour as lines where the page was open long enough, the last 60 probes, and quantiles. */
function Latency({ backend }: { readonly backend: PageBackend }) {
  const { latency } = backend;
  if (latency === null || latency === undefined) return null;
  const hour = model.value.latency.get(backend.name) ?? [];
  const lines = [
    { label: "p50", points: hour.map(({ at, p50 }) => [at, p50] as const) },
    { label: "p95", points: hour.map(({ at, p95 }) => [at, p95] as const) },
  ];
  return (
    <>
      <h3>Latency</h3>
      <p class="line">
        <Spark spark={latency.spark} />
        <span class="num">
          p50 {latencyText(latency.p50_ns)}, p95 {latencyText(latency.p95_ns)}, p99{" "}
          {latencyText(latency.p99_ns)}
        </span>
      </p>
      {hour.length < 2
        ? null
        : <Plot title="an hour" lines={lines} seconds={3600} text={(ms) => latencyText(String(ms * 1e6))} />}
    </>
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
        set to <input name="weight" type="number" min={0} max={100} required defaultValue={String(weight)} />
      </label>{" "}
      <button type="submit">set</button>
    </form>
  );
}

function FrontendDetails({ name }: { readonly name: string }) {
  const frontend = model.value.frontends.get(name);
  if (frontend === undefined) return <p>is not in the configuration</p>;
  const wanted = wantedShares(frontend);
  return (
    <>
      <p class="line">
        <StateMark state={frontend.state} />
        <span>
          for <Age time={frontend.since} />
        </span>
        <span class="address">
          {clean(`${frontend.address} ${frontend.protocol}`)}{" "}
          {frontend.protocol === "any" ? "" : frontend.port}
        </span>
        <span>VPP: {clean(frontend.vpp)}</span>
        <GrafanaLink kind="frontend" name={name} />
      </p>
      {frontend.description === "" ? null : (
        <p class="dim">
          <bdi>{clean(frontend.description)}</bdi>
        </p>
      )}
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
                <ShareBar real={member.share} wanted={wanted.get(member.name) ?? 0} />
                <MemberWeight backend={member.name} frontend={name} pool={pool.name} />
              </li>
            ))}
          </ul>
        </div>
      ))}
      {(frontend.transitions ?? []).length === 0 ? null : (
        <>
          <h3>History</h3>
          <ul class="plain">
            {frontend.transitions.map((one) => (
              <li key={one.at}>
                <time title={one.at}>{clockText(one.at)}</time> {clean(one.from)} →{" "}
                <StateMark state={one.to} />
                {one.active_pool === null ? "" : ` pool ${clean(one.active_pool)}`}{" "}
                <bdi>{clean(one.reason)}</bdi>
              </li>
            ))}
          </ul>
        </>
      )}
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
            {member.override === null
              ? ""
              : `, override ${clean(String(member.override.weight ?? member.override.kind))}`},{" "}
            {clean(member.state)} ({clean(member.state_reason)}),{" "}
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

import { signal } from "@preact/signals";
import { clean, shapeOf, wordOf } from "../state/format.ts";
import { readinessOf } from "../state/readiness.ts";
import { help, logIn, logOut, model, notice, query, stateFilter, theme, token } from "../state/store.ts";
import { Age } from "./parts.tsx";
import { Tabs } from "./tabs.tsx";

const states = ["up", "down", "unknown", "paused", "disabled"] as const;

/** Readiness of VPP: shape, tone and words. */
const vppWords: Readonly<Record<string, readonly [shape: string, tone: string, text: string]>> = {
  "off": ["⊘", "dim", "VPP is switched off"],
  "disconnected": ["✖", "bad", "VPP is away"],
  "refused": ["✖", "bad", "VPP is refused"],
  "warming-up": ["◔", "void", "VPP waits for the warm-up"],
  "out-of-sync": ["▲", "bad", "VPP is out of sync"],
  "in-sync": ["●", "good", "VPP is in sync"],
};

const connectionWords: Readonly<Record<string, readonly [shape: string, tone: string]>> = {
  connecting: ["◔", "void"],
  live: ["●", "good"],
  stale: ["▲", "void"],
  unauthorized: ["✖", "bad"],
  away: ["✖", "bad"],
};

/** Whether the person wants to give a token although reads need none. */
const wantsToken = signal(false);

function Pill({ name, shape, text, tone }: {
  readonly name: string;
  readonly shape: string;
  readonly tone: string;
  readonly text: string;
}) {
  return (
    <span class={`pill ${name} ${tone}`}>
      <span aria-hidden="true">{shape}</span> {text}
    </span>
  );
}

/** The bar at the top: who this is, how it is, filters. */
export function Bar() {
  const { backends, connection, info, trouble } = model.value;
  // Of a peer it is worked out: its `/readyz` is not read.
  const ready = model.value.ready ?? readinessOf(model.value);
  const you = info?.you;
  const [shape, tone, text] = ready === null
    ? ["◔", "dim", "VPP is not known"]
    : wordOf(vppWords, ready.vpp) ?? ["·", "dim", clean(String(ready.vpp))];
  const [liveShape, liveTone] = wordOf(connectionWords, connection) ?? ["·", "dim"];
  const asksToken = connection === "unauthorized" || wantsToken.value && (you ?? null) === null;
  return (
    <header class="bar">
      <Tabs />
      <div class="line">
        <h1>
          <bdi>{clean(info?.node ?? "maglevd")}</bdi>
        </h1>
        <span class="dim">{info === null ? "" : `maglevd ${clean(info.version)}`}</span>
        <Pill name="vpp" shape={shape} tone={tone} text={text} />
        {ready === null
          ? null
          : ready.probes === "blind"
          ? <Pill name="probes" shape="✖" tone="bad" text="probes are blind" />
          : <Pill name="probes" shape="●" tone="good" text="probing" />}
        {info === null || info.warmup === undefined || info.warmup.phase === "done"
          ? null
          : <Pill name="warmup" shape="◔" tone="void" text={`warm-up: ${clean(info.warmup.phase)}`} />}
        <span class={`connection ${connection} pill ${liveTone}`} role="status">
          <span aria-hidden="true">{liveShape}</span> {connection}
          {trouble === "" || connection === "live" ? "" : `: ${clean(trouble)}`}
        </span>
        <span class="dim up-for">
          {info === null ? null : (
            <>
              running for <Age time={info.started_at} />
            </>
          )}
        </span>
        <span class="grow" />
        <span class="you">
          {you === null || you === undefined ? "reading without a token" : clean(`${you.name} (${you.role})`)}
        </span>
        {token.value !== null
          ? (
            <button
              type="button"
              onClick={() => {
                wantsToken.value = false;
                logOut();
              }}
            >
              log out
            </button>
          )
          : connection === "unauthorized" || (you ?? null) !== null
          ? null
          : <button type="button" onClick={() => wantsToken.value = !wantsToken.value}>log in</button>}
        <label>
          theme{" "}
          <select value={theme.value} onChange={(event) => theme.value = event.currentTarget.value}>
            <option value="auto">auto</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </label>
        <button type="button" onClick={() => help.value = true} aria-label="help">?</button>
      </div>
      <div class="line" role="group" aria-label="filters">
        {states.map((state) => {
          const count = [...backends.values()].filter((backend) => backend.state === state).length;
          return (
            <button
              key={state}
              type="button"
              class={`chip ${state} ${count === 0 ? "none" : ""}`}
              aria-pressed={stateFilter.value === state}
              onClick={() => stateFilter.value = stateFilter.value === state ? "" : state}
            >
              <span aria-hidden="true">{shapeOf(state)}</span> <b>{count}</b> {state}
            </button>
          );
        })}
        <input
          id="search"
          type="search"
          placeholder="search  /"
          aria-label="search frontends and backends"
          value={query.value}
          onInput={(event) => query.value = event.currentTarget.value}
        />
        <span class="notice" role="status" aria-live="polite">{clean(notice.value)}</span>
      </div>
      {asksToken ? <LogIn needed={connection === "unauthorized"} /> : null}
    </header>
  );
}

function LogIn({ needed }: { readonly needed: boolean }) {
  return (
    <form
      class="login line"
      onSubmit={(event) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget).get("token");
        if (typeof given === "string" && given.trim() !== "") logIn(given.trim());
      }}
    >
      <label>
        {needed ? "This daemon wants a token: " : "token: "}
        <input name="token" type="password" autocomplete="off" required />
      </label>
      <button type="submit">use it</button>
      <span class="dim">It is kept for this tab only.</span>
    </form>
  );
}

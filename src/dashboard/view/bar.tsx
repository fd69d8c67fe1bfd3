import { clean } from "../state/format.ts";
import { help, logIn, logOut, model, notice, peer, query, stateFilter, theme } from "../state/store.ts";

const states = ["up", "down", "unknown", "paused", "disabled"] as const;
const words: Readonly<Record<string, string>> = {
  "off": "VPP is switched off",
  "disconnected": "VPP is away",
  "refused": "VPP is refused",
  "warming-up": "warming up",
  "out-of-sync": "VPP is out of sync",
  "in-sync": "VPP is in sync",
};

/** The bar at the top: who this is, how it is, filters. */
export function Bar() {
  const { connection, info, peers, ready, trouble } = model.value;
  const you = info?.you;
  return (
    <header class="bar">
      {peers.length === 0 ? null : (
        <nav class="tabs" aria-label="daemons">
          <button type="button" class={peer.value === null ? "on" : ""} onClick={() => peer.value = null}>
            this daemon
          </button>
          {peers.map(({ detail, name, reachable }) => (
            <button
              key={name}
              type="button"
              class={`${peer.value === name ? "on" : ""} ${reachable ? "" : "bad"}`}
              title={clean(detail)}
              onClick={() => peer.value = name}
            >
              {reachable ? "" : "✖ "}
              <bdi>{clean(name)}</bdi>
            </button>
          ))}
        </nav>
      )}
      <div class="line">
        <h1>
          <bdi>{clean(info?.node ?? "maglevd")}</bdi>
        </h1>
        <span class="dim">{info === null ? "" : `maglevd ${info.version}`}</span>
        <span class={`pill ${ready?.vpp ?? ""}`}>{ready === null ? "…" : words[ready.vpp] ?? ready.vpp}</span>
        <span class={`pill ${ready?.probes === "blind" ? "bad" : ""}`}>
          {ready === null ? "" : ready.probes === "blind" ? "probes are blind" : "probing"}
        </span>
        {info === null || info.warmup.phase === "done"
          ? null
          : <span class="pill">warm-up: {info.warmup.phase}</span>}
        <span class={`pill connection ${connection}`} role="status">
          {connection}
          {trouble === "" ? "" : `: ${trouble}`}
        </span>
        <span class="grow" />
        <span class="dim">{you === null || you === undefined ? "" : `${clean(you.name)} (${you.role})`}</span>
        {info?.auth === true && you !== null ? <button type="button" onClick={logOut}>log out</button> : null}
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
          const count = [...model.value.backends.values()].filter((backend) =>
            backend.state === state
          ).length;
          return (
            <button
              key={state}
              type="button"
              class={`chip ${state}`}
              aria-pressed={stateFilter.value === state}
              onClick={() => stateFilter.value = stateFilter.value === state ? "" : state}
            >
              {count} {state}
            </button>
          );
        })}
        <input
          id="search"
          type="search"
          placeholder="search ( / )"
          aria-label="search backends"
          value={query.value}
          onInput={(event) => query.value = event.currentTarget.value}
        />
        <span class="notice" role="status" aria-live="polite">{notice.value}</span>
      </div>
      {connection === "unauthorized" ? <LogIn /> : null}
    </header>
  );
}

function LogIn() {
  return (
    <form
      class="login"
      onSubmit={(event) => {
        event.preventDefault();
        const token = new FormData(event.currentTarget).get("token");
        if (typeof token === "string" && token !== "") logIn(token.trim());
      }}
    >
      <label>
        This daemon wants a token: <input name="token" type="password" autocomplete="off" required />
      </label>
      <button type="submit">use it</button>
    </form>
  );
}

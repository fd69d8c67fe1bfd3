import { clean } from "../state/format.ts";
import { model, peer } from "../state/store.ts";

/** One tab a daemon, where there are several. */
export function Tabs() {
  const { peers } = model.value;
  if (peers.length === 0) return null;
  return (
    <nav class="tabs" aria-label="daemons">
      <button type="button" aria-pressed={peer.value === null} onClick={() => peer.value = null}>
        this daemon
      </button>
      {peers.map(({ detail, name, reachable }) => (
        <button
          key={name}
          type="button"
          class={reachable ? "" : "bad"}
          aria-pressed={peer.value === name}
          title={clean(detail)}
          onClick={() => peer.value = name}
        >
          {reachable ? "" : "✖ "}
          <bdi>{clean(name)}</bdi>
        </button>
      ))}
    </nav>
  );
}

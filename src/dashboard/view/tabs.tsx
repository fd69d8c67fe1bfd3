import { clean } from "../state/format.ts";
import type { Daemon } from "../state/others.ts";
import { daemons, model, peer, problemCounts } from "../state/store.ts";

/** Shape, tone and words of one daemon. */
function look(daemon: Daemon): { readonly shape: string; readonly tone: string; readonly text: string } {
  const shown = peer.value === daemon.name;
  const { connection, trouble } = model.value;
  const { critical, warnings } = problemCounts(daemon);
  if (shown ? connection === "away" || connection === "unauthorized" : daemon.trouble !== "") {
    return { shape: "✖", tone: "bad", text: shown ? trouble : daemon.trouble };
  }
  if (critical === null || warnings === null) return { shape: "·", tone: "dim", text: "" };
  if (critical > 0) return { shape: "✖", tone: "bad", text: `${critical} critical` };
  if (warnings > 0) {
    return { shape: "▲", tone: "void", text: `${warnings} ${warnings === 1 ? "warning" : "warnings"}` };
  }
  return { shape: "●", tone: "good", text: "" };
}

/** One tab a daemon with what is wrong there, where there are several. */
export function Tabs() {
  const all = daemons.value;
  if (all.length === 0) return null;
  return (
    <nav class="tabs" aria-label="daemons">
      {all.map((daemon) => {
        const { shape, text, tone } = look(daemon);
        return (
          <button
            key={daemon.name ?? ""}
            type="button"
            aria-pressed={peer.value === daemon.name}
            title={clean(text)}
            onClick={() => peer.value = daemon.name}
          >
            <span class={tone} aria-hidden="true">{shape}</span>{" "}
            <b>
              <bdi>{daemon.name === null ? "this daemon" : clean(daemon.name)}</bdi>
            </b>
            {text === "" ? null : <span class={`tab-text ${tone}`}>{clean(text)}</span>}
          </button>
        );
      })}
    </nav>
  );
}

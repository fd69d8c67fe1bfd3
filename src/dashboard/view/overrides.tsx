import { clean } from "../state/format.ts";
import { asked, mayChange, model } from "../state/store.ts";
import { OverrideText } from "./parts.tsx";

/** What operators set and have not taken back. */
export function Overrides() {
  const { overrides } = model.value;
  if (overrides === null || overrides.length === 0) return null;
  return (
    <section id="overrides" aria-label="overrides">
      <h2>Overrides</h2>
      <ul class="plain">
        {overrides.map((override) => {
          const object = override.kind === "weight"
            ? `${override.frontend}/${override.pool}/${override.backend}`
            : override.backend;
          return (
            <li key={override.id}>
              <bdi>{clean(object)}</bdi>: <OverrideText override={override} />
              {override.sleeping === null ? "" : ` (sleeping: ${clean(override.sleeping.why)})`}{" "}
              {mayChange.value
                ? (
                  <button
                    type="button"
                    onClick={() =>
                      asked.value = { kind: "clear", id: override.id, text: `${override.kind} of ${object}` }}
                  >
                    end
                  </button>
                )
                : null}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

import { useState } from "preact/hooks";
import type { Whereis as Answer } from "../../api/mod.ts";
import { ApiError } from "../state/client.ts";
import { clean } from "../state/format.ts";
import { acceptWhereis } from "../state/shapes.ts";
import { api, model } from "../state/store.ts";

/** What the daemon answers; a text where it refuses. */
async function ask(form: HTMLFormElement): Promise<Answer | string> {
  const data = new FormData(form);
  const text = (name: string) => String(data.get(name) ?? "").trim();
  try {
    return acceptWhereis(
      await api.value.whereis(
        text("frontend"),
        text("client"),
        text("port"),
        AbortSignal.timeout(10_000),
      ),
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.message;
  }
}

/** Which server a client's new flow gets. */
export function Whereis() {
  const [value, setValue] = useState<Answer | string | null>(null);
  const server = (found: Answer["now"]) => found === null ? "no server" : found.backend ?? found.address;
  return (
    <section id="whereis" aria-label="whereis">
      <h2>Where is a client?</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void ask(event.currentTarget).then(setValue);
        }}
      >
        <label>
          client <input name="client" required placeholder="192.0.2.7" />
        </label>{" "}
        <label>
          port <input name="port" inputMode="numeric" placeholder="40000" size={6} />
        </label>{" "}
        <label>
          frontend{" "}
          <select name="frontend">
            {[...model.value.frontends.keys()].map((name) => (
              <option key={name} value={name}>{clean(name)}</option>
            ))}
          </select>
        </label>{" "}
        <button type="submit">ask</button>
      </form>
      <p role="status">
        {value === null ? "" : typeof value === "string" ? clean(value) : (
          <>
            now{" "}
            <b>
              <bdi>{clean(server(value.now))}</bdi>
            </b>, after the plan{" "}
            <b>
              <bdi>{clean(server(value.after_plan))}</bdi>
            </b>{" "}
            (bucket {value.bucket} of {value.table_length}). <span class="dim">{clean(value.note)}</span>
          </>
        )}
      </p>
    </section>
  );
}

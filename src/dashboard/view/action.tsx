/**
 * The question before an action: what it would change, why, for how long. What takes the last server of a frontend
 * out wants the frontend's name typed.
 *
 * @module
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Consequences } from "../../api/mod.ts";
import { ApiError } from "../state/client.ts";
import { clean, percentText } from "../state/format.ts";
import { acceptConsequences } from "../state/shapes.ts";
import { type Action, api, asked, model, notice, readAgain, readPlan } from "../state/store.ts";

const durations: readonly (readonly [seconds: number, text: string])[] = [
  [0, "until somebody ends it"],
  [600, "for 10 min"],
  [1800, "for 30 min"],
  [7200, "for 2 h"],
  [28_800, "for 8 h"],
];

function title(action: Action): string {
  switch (action.kind) {
    case "weight":
      return `Set the weight of ${action.backend} in ${action.frontend}/${action.pool} to ${action.weight}`;
    case "clear":
      return `End: ${action.text}`;
    case "sync":
      return "Send exactly this plan to VPP";
    default:
      return `${action.kind[0]?.toUpperCase()}${action.kind.slice(1)} ${action.backend}`;
  }
}

/** Does it, or asks what it would do. */
async function send(
  action: Action,
  body: Record<string, unknown>,
  dryRun: boolean,
): Promise<Consequences | null> {
  const { value } = api;
  switch (action.kind) {
    case "weight": {
      const request = { weight: action.weight, ...body };
      return acceptConsequences(
        await value.setWeight(action.frontend, action.pool, action.backend, request, dryRun),
      );
    }
    case "clear":
      return acceptConsequences(await value.clear(action.id, dryRun));
    case "sync":
      if (dryRun) return null;
      await value.sync(action.digest);
      return null;
    default:
      return acceptConsequences(await value.act(action.backend, action.kind, body, dryRun));
  }
}

/** Frontends that the action leaves without a server, by the daemon's word, else by what the page knows. */
export function endangered(action: Action, consequences: Consequences | string | null): string[] {
  if (typeof consequences === "object" && consequences?.frontends != null) {
    return consequences.frontends.filter(({ servers_left }) => servers_left === 0).map(({ frontend }) =>
      frontend
    );
  }
  const takesOut = action.kind === "pause" || action.kind === "disable" ||
    action.kind === "weight" && action.weight === 0;
  if (!takesOut) return [];
  return [...model.value.frontends.values()].filter((frontend) => {
    if (action.kind === "weight" && frontend.name !== action.frontend) return false;
    const members = frontend.pools.flatMap((pool) => pool.backends);
    const inUse = members.filter(({ effective_weight }) => effective_weight > 0);
    const others = members.filter(({ name, state, weight }) =>
      name !== action.backend && state === "up" && weight > 0
    );
    return inUse.some(({ name }) => name === action.backend) && others.length === 0;
  }).map(({ name }) => name);
}

/** The dialog; nothing while nothing is asked. */
export function ActionDialog() {
  const action = asked.value;
  return action === null ? null : <Question key={JSON.stringify(action)} action={action} />;
}

function Question({ action }: { readonly action: Action }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);
  // What the daemon says that the action would do; a text where it cannot say.
  const [preview, setPreview] = useState<Consequences | string | null>(
    action.kind === "sync" ? "the plan above, and nothing else" : null,
  );
  const fleet = model.value.info?.features.includes("fleet") === true;
  const lasts = action.kind !== "clear" && action.kind !== "sync" && action.kind !== "resume" &&
    action.kind !== "enable";
  // Before the next key may come, and not some time after it is drawn.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Closing gives the focus back to the button that asked; taking it away would not.
    return () => element?.close();
  }, []);
  useEffect(() => {
    if (action.kind === "sync") return;
    send(action, {}, true).then(
      (answer) => setPreview(answer ?? "this daemon cannot say what it would do"),
      (error) => {
        if (!(error instanceof ApiError)) throw error;
        setPreview(error.message);
      },
    );
  }, []);
  const wanted = endangered(action, preview);
  const confirmed = wanted.every((name) => typed.split(/[\s,]+/).includes(name));
  const submit = async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const reason = String(data.get("reason") ?? "").trim();
    const seconds = Number(data.get("for") ?? 0);
    const body = {
      ...(reason === "" ? {} : { reason }),
      ...(seconds > 0 ? { for_ns: `${seconds}000000000` } : {}),
      ...(data.get("flush") === "on" ? { flush: true } : {}),
      ...(data.get("everywhere") === "on" ? { everywhere: true } : {}),
    };
    setBusy(true);
    try {
      const answer = await send(action, body, false);
      notice.value = `${title(action)}: done${
        answer !== null && !answer.durable ? `, but not on disk: ${answer.durable_detail}` : ""
      }`;
      readAgain(["backends", "frontends", "overrides", "problems", "ready"]);
      if (action.kind === "sync") void readPlan();
      if (asked.peek() === action) asked.value = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Whoever closed the question meanwhile still wants to know.
      if (asked.peek() !== action) notice.value = `${title(action)}: ${error.message}`;
      setTrouble(error.message);
      setBusy(false);
    }
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="question"
      onClose={() => {
        // Told late: another question may stand here by now.
        if (asked.peek() === action) asked.value = null;
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (preview !== null && confirmed && !busy) void submit(event.currentTarget);
        }}
      >
        <h2 id="question">
          <bdi>{clean(title(action))}</bdi>
        </h2>
        <Preview value={preview} />
        {lasts
          ? (
            <>
              <p>
                <label>
                  reason <input name="reason" maxLength={500} size={40} autocomplete="off" />
                </label>
              </p>
              <p>
                <label>
                  how long{" "}
                  <select name="for">
                    {durations.map(([seconds, text]) => <option key={seconds} value={seconds}>{text}
                    </option>)}
                  </select>
                </label>
              </p>
            </>
          )
          : null}
        {action.kind === "weight"
          ? (
            <p>
              <label>
                <input type="checkbox" name="flush" /> flush its flows
              </label>
            </p>
          )
          : null}
        {fleet && action.kind !== "clear" && action.kind !== "sync"
          ? (
            <p>
              <label>
                <input type="checkbox" name="everywhere" /> everywhere in the fleet
              </label>
            </p>
          )
          : null}
        {wanted.length === 0 ? null : (
          <p class="bad">
            This takes the last server of {wanted.map(clean).join(", ")} out. Type{" "}
            {wanted.length === 1 ? "its name" : "their names"}:{" "}
            <input
              name="typed"
              aria-label="name of the frontend"
              value={typed}
              autocomplete="off"
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </p>
        )}
        <p class="bad" role="alert">{clean(trouble)}</p>
        <p>
          {/* It keeps the focus while the daemon says what it would do: Enter does nothing until then. */}
          <button type="submit" disabled={!confirmed || busy} aria-disabled={preview === null}>do it</button>
          {" "}
          <button type="button" onClick={() => asked.value = null}>cancel</button>
        </p>
      </form>
    </dialog>
  );
}

function Preview({ value }: { readonly value: Consequences | string | null }) {
  if (value === null) return <p class="dim">asking what it would do …</p>;
  if (typeof value === "string") return <p class="dim">{clean(value)}</p>;
  return (
    <div>
      {value.replaced === null ? null : (
        <p>
          It replaces what{" "}
          <b>
            <bdi>{clean(value.replaced.by)}</bdi>
          </b>{" "}
          set{value.replaced.reason === null ? "" : `: ${clean(value.replaced.reason)}`}.
        </p>
      )}
      {value.frontends === null
        ? <p class="dim">its effect on frontends is not known</p>
        : value.frontends.length === 0
        ? <p>No frontend changes.</p>
        : (
          <ul class="plain">
            {value.frontends.map((one) => (
              <li key={one.frontend} class={one.servers_left === 0 ? "bad" : ""}>
                <bdi>{clean(one.frontend)}</bdi>: {one.from} → {one.to}, {one.servers_left} servers left
                {one.pool_before === one.pool_after
                  ? ""
                  : `, pool ${one.pool_before ?? "–"} → ${one.pool_after ?? "–"}`},{" "}
                {percentText(one.moved_share)} of new flows move
                {one.flushed.length === 0
                  ? ""
                  : `, flows of ${one.flushed.map(clean).join(", ")} are flushed`}
              </li>
            ))}
          </ul>
        )}
    </div>
  );
}

import { computed, signal } from "@preact/signals";
import type { Backend } from "../../api/mod.ts";
import type { PageBackend } from "../state/model.ts";
import { clean, shapeOf, wordOf } from "../state/format.ts";
import { cursor, model, opened, type ReadCell, shownBackends } from "../state/store.ts";
import { memo } from "./memo.tsx";
import { Age, LastResult, Link, Pips, Quantiles, Spark, StateMark } from "./parts.tsx";

type Column = "file" | "name" | "state" | "since" | "check" | "p95";
/** Column and direction of the order, and the order that it gave when it was chosen. */
const order = signal<{ readonly column: Column; readonly down: boolean; readonly names: readonly string[] }>({
  column: "file",
  down: false,
  names: [],
});

const rank: Readonly<Record<string, number>> = { down: 0, unknown: 1, paused: 2, disabled: 3, up: 4 };

function value(backend: PageBackend, column: Column): string | number {
  switch (column) {
    case "file":
      return 0;
    case "name":
      return backend.name;
    case "state":
      return wordOf(rank, backend.state) ?? 5;
    case "since":
      return -Date.parse(backend.since);
    case "check":
      return backend.healthcheck ?? "";
    case "p95":
      return Number(backend.latency?.p95_ns ?? -1);
  }
}

/** Sorts all backends now. Later changes move no row: what somebody looks at stays where it is. */
function sortBy(column: Column, down: boolean): void {
  const names = [...model.peek().backends.values()].toSorted((a, b) => {
    const [left, right] = [value(a, column), value(b, column)];
    const sign = typeof left === "string" || typeof right === "string"
      ? String(left).localeCompare(String(right), "en", { numeric: true })
      : left - right;
    return down ? -sign : sign;
  }).map(({ name }) => name);
  order.value = { column, down, names };
}

/** Rows and squares beyond so many are not made: they would stop the browser for seconds. */
const rowLimit = 1000;

/** Backends that are shown, in the order that the person chose; those that came later are last. */
export const orderedBackends: ReadCell<readonly PageBackend[]> = computed(() => {
  const { column, names } = order.value;
  if (column === "file") return shownBackends.value.slice(0, rowLimit);
  const places = new Map(names.map((name, i) => [name, i]));
  const place = ({ name }: PageBackend) => places.get(name) ?? names.length;
  return shownBackends.value.toSorted((a, b) => place(a) - place(b)).slice(0, rowLimit);
});

function Head({ column, text }: { readonly column: Column; readonly text: string }) {
  const { column: now, down } = order.value;
  const sort = now !== column ? "none" : down ? "descending" : "ascending";
  // First ascending, then descending, then the file's order again.
  const next = () =>
    now !== column ? sortBy(column, false) : down ? sortBy("file", false) : sortBy(column, true);
  return (
    <th scope="col" aria-sort={sort}>
      <button type="button" class="sort" onClick={next}>
        {text}
        <span aria-hidden="true">{sort === "none" ? " ↕" : down ? " ▼" : " ▲"}</span>
      </button>
    </th>
  );
}

/** A strip of one square a backend, and a table below. */
export function Backends() {
  const backends = orderedBackends.value;
  const matching = shownBackends.value.length;
  const all = model.value.backends;
  return (
    <section id="backends" aria-labelledby="backends-title">
      <h2 id="backends-title">
        Backends <span class="dim">{matching} of {all.size}</span>
      </h2>
      <div class="strip" role="group" aria-label="one square a backend">
        {[...all.values()].slice(0, rowLimit).map((backend) => (
          <Square
            key={backend.name}
            backend={backend}
          />
        ))}
      </div>
      <div class="scroll panel">
        <table class="stack">
          <thead>
            <tr>
              <Head column="name" text="backend" />
              <th scope="col">address</th>
              <Head column="state" text="state" />
              <Head column="since" text="for" />
              <th scope="col">health</th>
              <Head column="check" text="check" />
              <th scope="col">last result</th>
              <Head column="p95" text="p50 / p95" />
              <th scope="col">last 60 probes</th>
              <th scope="col">serves</th>
            </tr>
          </thead>
          <tbody>
            {backends.map((backend) => (
              <BackendRow key={backend.name} backend={backend} at={cursor.value === backend.name} />
            ))}
          </tbody>
        </table>
      </div>
      {matching > backends.length
        ? <p class="dim">only the first {rowLimit} are shown; the search finds the others</p>
        : null}
      {backends.length === 0 && all.size > 0
        ? <p class="dim">no backend matches the search and the filter</p>
        : null}
    </section>
  );
}

const Square = memo(function Square({ backend }: { readonly backend: Backend }) {
  const name = clean(`${backend.name} ${backend.state}`);
  return (
    <button
      type="button"
      class={`square ${backend.state}`}
      title={name}
      aria-label={name}
      onClick={() => opened.value = { kind: "backend", name: backend.name }}
    >
      {backend.state === "up" ? null : shapeOf(backend.state)}
    </button>
  );
});

const BackendRow = memo(
  function BackendRow({ at, backend }: { readonly backend: PageBackend; readonly at: boolean }) {
    return (
      <tr id={`row-${backend.name}`} class={`row ${backend.state} ${at ? "cursor" : ""}`}>
        <td>
          <Link kind="backend" name={backend.name} />
        </td>
        <td class="address">{clean(backend.address)}</td>
        <td>
          <StateMark state={backend.state} />
        </td>
        <td class="num">
          <Age time={backend.since} />
        </td>
        <td>
          <Pips health={backend.health} />
        </td>
        <td class="less">{clean(backend.healthcheck ?? "–")}</td>
        <td class="wide">
          <LastResult backend={backend} />
        </td>
        <td>
          <Quantiles backend={backend} />
        </td>
        <td class="less">
          <Spark spark={backend.latency?.spark} />
        </td>
        <td class="wide">
          {(backend.frontends ?? []).map(({ frontend, pool }) => (
            <span key={`${frontend} ${pool}`} class="place">
              <Link kind="frontend" name={frontend} />/<bdi>{clean(pool)}</bdi>
            </span>
          ))}
        </td>
      </tr>
    );
  },
);

import { signal } from "@preact/signals";
import { memo } from "preact/compat";
import type { Backend } from "../../api/mod.ts";
import type { PageBackend } from "../state/model.ts";
import { clean } from "../state/format.ts";
import { cursor, model, opened, shownBackends } from "../state/store.ts";
import { Age, LastResult, Link, Pips, Quantiles, Spark, StateMark } from "./parts.tsx";

type Column = "name" | "state" | "since" | "check" | "p95";
/** Column and direction of the order. */
export const order = signal<{ readonly column: Column; readonly down: boolean }>({
  column: "name",
  down: false,
});

const rank: Readonly<Record<string, number>> = { down: 0, unknown: 1, paused: 2, disabled: 3, up: 4 };

function value(backend: PageBackend, column: Column): string | number {
  switch (column) {
    case "name":
      return backend.name;
    case "state":
      return rank[backend.state] ?? 5;
    case "since":
      return -Date.parse(backend.since);
    case "check":
      return backend.healthcheck ?? "";
    case "p95":
      return Number(backend.latency?.p95_ns ?? -1);
  }
}

/** Backends in the order that the person chose; in the file's order by name stays stable. */
export function ordered(backends: readonly PageBackend[]): readonly PageBackend[] {
  const { column, down } = order.value;
  const compare = (a: PageBackend, b: PageBackend) => {
    const [left, right] = [value(a, column), value(b, column)];
    const sign = typeof left === "string" || typeof right === "string"
      ? String(left).localeCompare(String(right), "en", { numeric: true })
      : left - right;
    return down ? -sign : sign;
  };
  return backends.toSorted(compare);
}

/** A strip of one square a backend, and a table below. */
export function Backends() {
  const backends = ordered(shownBackends.value);
  const head = (column: Column, text: string) => {
    const { column: now, down } = order.value;
    const sort = now !== column ? "none" : down ? "descending" : "ascending";
    return (
      <th aria-sort={sort}>
        <button
          type="button"
          class="link"
          onClick={() => order.value = { column, down: now === column && !down }}
        >
          {text}
          {sort === "none" ? "" : down ? " ▼" : " ▲"}
        </button>
      </th>
    );
  };
  return (
    <section id="backends" aria-label="backends">
      <h2>
        Backends <span class="dim">{backends.length} of {model.value.backends.size}</span>
      </h2>
      <div class="strip" role="group" aria-label="one square a backend">
        {[...model.value.backends.values()].map((backend) => <Square key={backend.name} backend={backend} />)}
      </div>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              {head("name", "backend")}
              <th>address</th>
              {head("state", "state")}
              {head("since", "for")}
              <th>health</th>
              {head("check", "check")}
              <th>last result</th>
              {head("p95", "p50 / p95")}
              <th>last 60 probes</th>
              <th>serves</th>
            </tr>
          </thead>
          <tbody>
            {backends.map((backend) => (
              <BackendRow key={backend.name} backend={backend} at={cursor.value === backend.name} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const Square = memo(function Square({ backend }: { readonly backend: Backend }) {
  const name = `${backend.name} ${backend.state}`;
  return (
    <button
      type="button"
      class={`square ${backend.state}`}
      title={clean(name)}
      aria-label={clean(name)}
      onClick={() => opened.value = { kind: "backend", name: backend.name }}
    />
  );
});

const BackendRow = memo(
  function BackendRow({ at, backend }: { readonly backend: PageBackend; readonly at: boolean }) {
    return (
      <tr id={`row-${backend.name}`} class={at ? "cursor" : ""}>
        <td>
          <Link kind="backend" name={backend.name} />
        </td>
        <td class="dim">{backend.address}</td>
        <td>
          <StateMark state={backend.state} />
        </td>
        <td class="num">
          <Age time={backend.since} />
        </td>
        <td>
          <Pips health={backend.health} />
        </td>
        <td>
          <bdi>{clean(backend.healthcheck ?? "–")}</bdi>
        </td>
        <td>
          <LastResult backend={backend} />
        </td>
        <td>
          <Quantiles backend={backend} />
        </td>
        <td>
          <Spark spark={backend.latency?.spark} />
        </td>
        <td>
          {backend.frontends.map(({ frontend, pool }) => (
            <span key={`${frontend} ${pool}`}>
              <Link kind="frontend" name={frontend} />/<bdi>{clean(pool)}</bdi>
              {" "}
            </span>
          ))}
        </td>
      </tr>
    );
  },
);

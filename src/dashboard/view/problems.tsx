import { clean, shapes } from "../state/format.ts";
import { model } from "../state/store.ts";
import { Age } from "./parts.tsx";

/** What is wrong, worst first; one green line when nothing is. */
export function Problems() {
  const { connection, problems } = model.value;
  return (
    <section id="problems" aria-label="problems">
      <h2>Problems</h2>
      {problems === null
        ? <p class="dim">{connection === "live" ? "this daemon does not list problems" : "not known"}</p>
        : problems.problems.length === 0
        ? <p class="good">● nothing is wrong</p>
        : (
          <ul class="problems">
            {problems.problems.map((problem) => (
              <li key={`${problem.kind} ${problem.object}`} class={problem.severity}>
                <span aria-hidden="true">{shapes[problem.severity]}</span> <b>{problem.severity}</b>{" "}
                <bdi>{clean(problem.text)}</bdi>{" "}
                <span class="dim">
                  for <Age time={problem.since} />
                </span>
                {problem.fix === null ? null : <code>maglevc {clean(problem.fix)}</code>}
                {problem.show === null || problem.fix !== null
                  ? null
                  : <code>maglevc {clean(problem.show)}</code>}
              </li>
            ))}
          </ul>
        )}
    </section>
  );
}

import type { CurrentProblem } from "../../api/mod.ts";
import { clean, shapeOf } from "../state/format.ts";
import { type Action, asked, mayChange, model, readPlan } from "../state/store.ts";
import { Age, Link } from "./parts.tsx";

/** What ends a problem, where a button of this page does it. */
function remedy(
  { kind, object }: CurrentProblem,
): { readonly text: string; readonly run: () => void } | null {
  const ask = (action: Action) => ({ text: action.kind, run: () => void (asked.value = action) });
  switch (kind) {
    case "paused":
      return ask({ kind: "resume", backend: object });
    case "disabled":
      return ask({ kind: "enable", backend: object });
    case "held":
    case "drift":
    case "out-of-sync":
      return {
        text: "show the plan",
        run: () => {
          void readPlan();
          document.getElementById("vpp")?.scrollIntoView();
        },
      };
    default:
      return null;
  }
}

/** The worst of so many are shown. */
const shownLimit = 200;

/** What is wrong, worst first; one green line when nothing is. */
export function Problems() {
  const { connection, problems } = model.value;
  return (
    <section id="problems" aria-labelledby="problems-title">
      <h2 id="problems-title">Problems</h2>
      {problems === null
        ? <p class="dim">{connection === "live" ? "this daemon does not list problems" : "not known"}</p>
        : problems.problems.length === 0
        ? (
          <p class="fine">
            <span aria-hidden="true">●</span> nothing is wrong
          </p>
        )
        : (
          <ul class="problems" aria-live="polite">
            {problems.problems.slice(0, shownLimit).map((problem) => (
              <ProblemLine key={`${problem.kind} ${problem.object}`} problem={problem} />
            ))}
            {problems.problems.length <= shownLimit
              ? null
              : <li class="dim">and {problems.problems.length - shownLimit} more</li>}
          </ul>
        )}
    </section>
  );
}

function ProblemLine({ problem }: { readonly problem: CurrentProblem }) {
  const { backends, frontends } = model.value;
  const kind = frontends.has(problem.object) && !problem.kind.startsWith("backend")
    ? "frontend"
    : backends.has(problem.object)
    ? "backend"
    : null;
  const action = remedy(problem);
  const words = problem.fix ?? problem.show;
  return (
    <li class={problem.severity}>
      <span class="severity">
        <span aria-hidden="true">{shapeOf(problem.severity)}</span> {clean(problem.severity)}
      </span>
      {kind === null ? null : <Link kind={kind} name={problem.object} />}
      <span class="text">
        <bdi>{clean(problem.text)}</bdi>
      </span>
      <span class="dim">
        for <Age time={problem.since} />
      </span>
      <span class="grow" />
      {words === null ? null : <code>maglevc {clean(words)}</code>}
      {action !== null && (mayChange.value || action.text === "show the plan")
        ? <button type="button" onClick={action.run}>{action.text}</button>
        : null}
    </li>
  );
}

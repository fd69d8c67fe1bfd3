/**
 * The dashboard: one page that a person can leave open on a wall.
 *
 * @module
 */
import { effect } from "@preact/signals";
import { type ComponentChildren, render } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { titleText } from "./state/format.ts";
import { allProblems, asked, help, isOld, model, opened, reading, start } from "./state/store.ts";
import { ActionDialog } from "./view/action.tsx";
import { Backends } from "./view/backends.tsx";
import { Bar } from "./view/bar.tsx";
import { Drawer } from "./view/drawer.tsx";
import { Events } from "./view/events.tsx";
import { Frontends } from "./view/frontends.tsx";
import { startKeys } from "./view/keys.ts";
import { Overrides } from "./view/overrides.tsx";
import { Problems } from "./view/problems.tsx";
import { Vpp } from "./view/vpp.tsx";
import { Whereis } from "./view/whereis.tsx";

const keys: readonly (readonly [key: string, what: string])[] = [
  ["/", "search"],
  ["j  k", "next, previous backend"],
  ["Enter", "open it"],
  ["g p  g f  g b  g v  g e", "problems, frontends, backends, VPP, events"],
  ["Esc", "close"],
  ["?", "this help"],
];

function Help() {
  if (!help.value) return null;
  return (
    <aside class="drawer" aria-label="help">
      <button type="button" class="close" aria-label="close" onClick={() => help.value = false}>✕</button>
      <h2>Keys</h2>
      <dl class="keys">
        {keys.map(([key, what]) => [
          <dt key={`${key}k`}>
            <kbd>{key}</kbd>
          </dt>,
          <dd key={`${key}d`}>{what}</dd>,
        ])}
      </dl>
    </aside>
  );
}

/** A region: what one of them cannot show does not take the others away. */
function Region({ children }: { readonly children: ComponentChildren }) {
  const [error, again] = useErrorBoundary();
  if (error === undefined) return <>{children}</>;
  return (
    <p class="bad" role="alert">
      The daemon answered something that cannot be shown here.{" "}
      <button type="button" onClick={again}>try again</button>
    </p>
  );
}

function Page() {
  return (
    <>
      <Region>
        <Bar />
      </Region>
      {/* Of another daemon or token nothing stays, neither an answer nor a filter. */}
      <main key={reading.value} class={isOld.value ? "old" : ""}>
        <Region>
          <Problems />
        </Region>
        <Region>
          <Overrides />
        </Region>
        <Region>
          <Frontends />
        </Region>
        <Region>
          <Backends />
        </Region>
        <Region>
          <Vpp />
        </Region>
        <Region>
          <Whereis />
        </Region>
        <Region>
          <Events />
        </Region>
      </main>
      <Region key={JSON.stringify(opened.value)}>
        <Drawer />
      </Region>
      <Help />
      <Region key={JSON.stringify(asked.value)}>
        <ActionDialog />
      </Region>
    </>
  );
}

/** The icon as a picture in the address itself: green, yellow or red, with another shape for each. */
function icon(critical: number, warnings: number): string {
  const [colour, shape] = critical > 0
    ? ["#c0392b", '<path d="M3 3 13 13M13 3 3 13" stroke="#fff" stroke-width="3"/>']
    : warnings > 0
    ? ["#b8860b", '<path d="M8 3v6M8 11v2" stroke="#fff" stroke-width="3"/>']
    : ["#2e7d4f", '<circle cx="8" cy="8" r="3" fill="#fff"/>'];
  const picture =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="${colour}"/>${shape}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(picture)}`;
}

const root = document.getElementById("app");
if (root !== null) {
  start();
  startKeys();
  effect(() => {
    const { info } = model.value;
    const { critical, warnings } = allProblems.value;
    document.title = titleText(info?.node ?? "maglevd", critical, warnings);
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const wanted = icon(critical, warnings);
    if (link !== null && link.href !== wanted) link.href = wanted;
  });
  root.replaceChildren();
  render(<Page />, root);
}

/**
 * Functions that run in the page. JavaScript, since the types of a browser are not those of the tests.
 *
 * @module
 */

/**
 * Remembers in `seen` when an element with each selector first had its text, by the page's clock.
 *
 * @param {Record<string, string[]>} wanted selector and regular expression by name
 * @returns {void}
 */
export function watch(wanted) {
  const seen = {};
  const look = () => {
    for (const [name, [selector, text]] of Object.entries(wanted)) {
      if (name in seen) continue;
      const shown = [...document.querySelectorAll(selector)].some((one) =>
        new RegExp(text).test(one.textContent)
      );
      if (shown) seen[name] = Date.now();
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  look();
  globalThis.seen = seen;
}

/**
 * What `watch` saw, once it has all of these; else null.
 *
 * @param {string[]} names
 * @returns {Record<string, number> | null}
 */
export function sawAll(names) {
  return names.every((name) => name in globalThis.seen) ? globalThis.seen : null;
}

/**
 * Whether the title of the page is like this.
 *
 * @param {string} pattern
 * @returns {boolean}
 */
export function titled(pattern) {
  return new RegExp(pattern).test(document.title);
}

/**
 * Width of what the page holds, in CSS pixels; wider than the window: it scrolls sideways.
 *
 * @returns {number}
 */
export function contentWidth() {
  return document.documentElement.scrollWidth;
}

/**
 * Colours and animation of the first element that a selector finds.
 *
 * @param {string} selector
 * @returns {{ background: string, color: string, animation: string }}
 */
export function paints(selector) {
  const { animationName, backgroundColor, color } = getComputedStyle(document.querySelector(selector));
  return { background: backgroundColor, color, animation: animationName };
}

/**
 * Text and upper edge of every element that a selector finds.
 *
 * @param {string} selector
 * @returns {{ text: string, top: number }[]}
 */
export function texts(selector) {
  return [...document.querySelectorAll(selector)].map((one) => ({
    text: one.innerText,
    top: one.getBoundingClientRect().top,
  }));
}

/**
 * What axe-core finds; it was loaded before the page.
 *
 * @returns {Promise<{ id: string, impact: string, nodes: string[] }[]>}
 */
export async function runAxe() {
  const { violations } = await globalThis.axe.run(document);
  return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html }) => html) }));
}

/**
 * First contentful paint since the navigation began, in ms.
 *
 * @returns {number}
 */
export function paint() {
  return performance.getEntriesByName("first-contentful-paint")[0].startTime;
}

/**
 * Whether the newest event of the list is about this backend.
 *
 * @param {string} name
 * @returns {boolean}
 */
export function isNewest(name) {
  return document.querySelector("#events li .link")?.textContent === name;
}

/**
 * Closes the open dialog and presses Escape before the page hears of that.
 *
 * @returns {void}
 */
export function pressEscapeAfterClosing() {
  document.querySelector("dialog").close();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
}

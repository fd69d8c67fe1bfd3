/**
 * What the browser keeps for the page: the token for this tab, the theme for longer.
 *
 * @module
 */

/** A few texts by name. */
export interface Settings {
  /** Null: there is none. */
  get(name: string): string | null;
  /** Keeps it. */
  set(name: string, value: string): void;
  /** Forgets it. */
  remove(name: string): void;
}

/** What a storage keeps; where the browser refuses it, as when it blocks cookies, until the page is closed. */
function settingsIn(storage: () => Storage): Settings {
  const here = new Map<string, string>();
  const tried = <T>(use: (storage: Storage) => T): T | null => {
    try {
      return use(storage());
    } catch (error) {
      // Refused, or full.
      if (!(error instanceof DOMException)) throw error;
      return null;
    }
  };
  return {
    get: (name) => here.get(name) ?? tried((kept) => kept.getItem(name)),
    set(name, value) {
      here.set(name, value);
      tried((kept) => kept.setItem(name, value));
    },
    remove(name) {
      here.delete(name);
      tried((kept) => kept.removeItem(name));
    },
  };
}

/** For this tab until it is closed. */
export const sessionSettings: Settings = settingsIn(() => sessionStorage);
/** For this browser. */
export const localSettings: Settings = settingsIn(() => localStorage);

import type { PageQuery } from "../../src/memory/journal/tables.ts";

/** Whatever is newest. */
export const all: PageQuery = {
  kinds: [],
  backend: null,
  frontend: null,
  since: null,
  until: null,
  before: null,
  limit: 1000,
};

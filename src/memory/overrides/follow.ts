/**
 * What another configuration does to overrides: at a reload, and at a start, where the file may have changed while no
 * daemon ran. Each override remembers what the file said, so the rule is the same for both. Pure.
 *
 *   in the file                          here                          everywhere
 *   backend renamed                      follows                       follows
 *   backend or member gone               sleeps                        sleeps
 *   there again, same address and value  wakes                         wakes
 *   there again, another address         ends, WARN                    wakes
 *   the file's own value is another      ends, WARN: later edit wins   stays
 *   another address, same name           stays                         stays
 *
 * @module
 */
import {
  type Ended,
  look,
  type Moment,
  type Override,
  type OverrideChange,
  overrideText,
  placeOf,
  type Seen,
  type Site,
} from "./override.ts";

/**
 * Takes a configuration into account.
 *
 * @param renamed backends that only changed their name since it was looked at last: old names by new names
 */
export function follow(
  list: readonly Override[],
  site: Site,
  renamed: ReadonlyMap<string, string>,
  now: Moment,
): OverrideChange {
  const names = new Map([...renamed].map(([name, was]) => [was, name]));
  const ended: Ended[] = [];
  const slept: Override[] = [];
  const woken: Override[] = [];
  const kept = new Map<string, Override>();
  const fates = new Map<Override, Override>();
  // Those that are awake come first: one that wakes never takes the place of one that is in force.
  const awake = list.filter(({ sleeping }) => sleeping === null);
  const asleep = list.filter(({ sleeping }) => sleeping !== null);
  for (const old of [...awake, ...asleep]) {
    const name = old.sleeping === null ? names.get(old.backend) : undefined;
    const override = name === undefined ? old : { ...old, backend: name };
    const fate = judge(override, look(site, override), now);
    if ("cause" in fate) {
      ended.push(fate);
      continue;
    }
    const place = placeOf(fate);
    const other = kept.get(place);
    if (other !== undefined) {
      ended.push({
        override,
        cause: "gone",
        detail: `${overrideText(override)}: ${other.by} set another one`,
      });
      continue;
    }
    kept.set(place, fate);
    fates.set(old, fate);
    if (override.sleeping === null && fate.sleeping !== null) slept.push(fate);
    if (override.sleeping !== null && fate.sleeping === null) woken.push(fate);
  }
  return { list: list.flatMap((old) => fates.get(old) ?? []), set: [], ended, slept, woken };
}

function judge(override: Override, is: Seen | null, now: Moment): Override | Ended {
  const { scope, seen, sleeping } = override;
  if (is === null) {
    if (sleeping !== null) return override;
    return { ...override, sleeping: { since: now.wall, why: whyGone(override) } };
  }
  if (scope === "everywhere" || seen === null) return awakeAs(override, is);
  if (sleeping !== null && seen.address !== is.address) {
    const detail = `${override.backend} came back as another server: ${is.address}, not ${seen.address}`;
    return { override, cause: "gone", detail };
  }
  if (seen.value !== is.value) {
    const key = override.kind === "weight" ? "weight" : "enabled";
    const detail = `${key} of ${override.backend} in the file was ${seen.value} and is ${is.value}`;
    return { override, cause: "file", detail };
  }
  return awakeAs(override, is);
}

function awakeAs(override: Override, is: Seen): Override {
  const { seen, sleeping } = override;
  if (sleeping === null && seen?.address === is.address && seen.value === is.value) return override;
  return { ...override, seen: is, sleeping: null };
}

function whyGone(override: Override): string {
  return override.kind === "weight"
    ? `the configuration has no ${override.frontend}/${override.pool}/${override.backend}`
    : `the configuration has no backend ${override.backend}`;
}

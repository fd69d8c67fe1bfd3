import { clean } from "../state/format.ts";
import type { PageInfo } from "../state/model.ts";
import { model } from "../state/store.ts";

/** A link to this object in Grafana, where the daemon knows one. */
export function GrafanaLink(
  { kind, name }: { readonly kind: "backend" | "frontend"; readonly name: string },
) {
  const info: PageInfo | null = model.value.info;
  const base = info?.grafana_url ?? null;
  if (base === null || !/^https?:\/\//.test(base) || !URL.canParse(base)) return null;
  const url = new URL(base);
  url.searchParams.set(`var-${kind}`, name);
  return <a href={url.href} rel="noreferrer" target="_blank">Grafana: {clean(name)}</a>;
}

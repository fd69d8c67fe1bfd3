/** Time of a scrape; the main thread does nothing else meanwhile. */
import { busyMetrics, snapshotOf } from "../metrics_world.ts";

const snapshot = snapshotOf(2000, 200);
const metrics = busyMetrics(() => snapshot, true);
for (const { name } of snapshot.backends) metrics.transitioned(name, "up", "down");

Deno.bench("scrape of 2,000 backends and 200 frontends", async () => {
  await metrics.text();
});

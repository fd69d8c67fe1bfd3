// A probe worker whose thread does nothing else for two seconds, once it has probed for a moment.
import "../../../src/probes/worker.ts";

setTimeout(() => {
  const end = performance.now() + 2000;
  while (performance.now() < end);
}, 500);

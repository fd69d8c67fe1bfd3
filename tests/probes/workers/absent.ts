// A probe worker whose thread does nothing else for a while, again and again, once it has probed for a moment.
import "../../../src/probes/worker.ts";

setInterval(() => {
  const end = performance.now() + 7000;
  while (performance.now() < end);
}, 300);

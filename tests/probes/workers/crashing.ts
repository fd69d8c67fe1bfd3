// A probe worker that dies a moment after it has begun to probe.
import "../../../src/probes/worker.ts";

setTimeout(() => {
  throw new Error("a defect in the worker");
}, 300);

/**
 * Those who look at the daemon: subscribers of its events that come and go, and strangers that only hold
 * connections.
 *
 * @module
 */
import type { EventMirror } from "./mirror.ts";
import { Subscriber } from "./subscriber.ts";
import { type Actor, count, pause } from "./world.ts";

const queries = [
  "",
  "kinds=backend,frontend,vpp",
  "kinds=backend,frontend,vpp",
  "kinds=backend",
  "kinds=backend,log&level=debug&backend=b7,b8,b9",
  "kinds=log&level=warn",
];

/** Subscribes, stays, leaves, and sometimes goes on where it left. No event may be missing then. */
export const subscriber: Actor = async (world, random) => {
  let left: { query: string; mirror: EventMirror } | null = null;
  while (await pause(world, random, 0, 5000)) {
    const query: string = left !== null && random.chance(0.5) ? left.query : random.pick(queries);
    const from = left?.query === query ? left.mirror : undefined;
    let open: Subscriber;
    try {
      open = await Subscriber.open(world.daemon.api, query, from);
    } catch (error) {
      world.problems.push(`subscribing to ?${query}: ${error instanceof Error ? error.message : error}`);
      continue;
    }
    count(world, from === undefined ? "subscriber came" : "subscriber returned");
    await pause(world, random, 0, 20_000);
    const { mirror, ended } = open;
    await open[Symbol.asyncDispose]();
    if (ended && mirror.dropped === null) world.problems.push(`events of ?${query} ended without a reason`);
    world.problems.push(...mirror.gaps.splice(0).map((gap) => `events of ?${query}: ${gap}`));
    if (mirror.dropped !== null) count(world, "subscriber cut off");
    left = mirror.lastId === "" ? null : { query, mirror };
  }
};

/** Asks for events and never reads them, or says nothing at all. */
export const stranger: Actor = async (world, random) => {
  const { hostname, port } = new URL(world.daemon.api);
  while (await pause(world, random, 0, 3000)) {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    if (random.chance(0.5)) {
      const request = `GET /v1/events HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`;
      await connection.write(new TextEncoder().encode(request));
    }
    count(world, "stranger");
    await pause(world, random, 0, 15_000);
  }
};

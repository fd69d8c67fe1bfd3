/** Failover first: the order in which a whole daemon writes to VPP and tells of a change. */
import assert from "node:assert/strict";
import { ip, octets } from "../../src/net/ip.ts";
import { Backends, Vpp, wwwConfig } from "../e2e/world.ts";
import { Inside, type Line } from "./inside.ts";

/** Whether these octets stand somewhere in those. */
function contains(whole: Uint8Array, part: Uint8Array): boolean {
  return whole.some((_, at) => part.every((octet, i) => whole[at + i] === octet));
}

/** Calls `onWrite` with all that this process writes to the socket from now on. */
function watchWrites(path: string, onWrite: (octets: Uint8Array) => void): Disposable {
  const { connect } = Deno;
  const watched = async (options: Deno.ConnectOptions | Deno.UnixConnectOptions) => {
    if (!("path" in options)) return await connect(options);
    const stream = await connect(options);
    if (options.path !== path) return stream;
    const write = stream.write.bind(stream);
    stream.write = (octets: Uint8Array) => {
      onWrite(octets);
      return write(octets);
    };
    return stream;
  };
  Deno.connect = watched as typeof Deno.connect;
  return { [Symbol.dispose]: () => void (Deno.connect = connect) };
}

/** What is told of a change and of the messages that it causes, in its order. */
function names(lines: readonly Line[]): string[] {
  return lines.filter(({ message, msg }) =>
    msg === "vpp-api-send"
      ? message === "lb_as_set_weight"
      : /^(backend|frontend)-transition$|^vpp-lbsync-/.test(msg)
  ).map(({ msg }) => msg);
}

for (const what of ["a result", "an operator's order"]) {
  Deno.test(`the message leaves before the first thing is told of ${what}`, async () => {
    const net = what === "a result" ? "77.90" : "77.91";
    await using vpp = await Vpp.start();
    await using servers = new Backends(net);
    /** Number of records that were written before each message for the server of b1. */
    const marks: number[] = [];
    let daemon: Inside | null = null;
    const server = octets(ip(`127.${net}.1`));
    using _ = watchWrites(vpp.paths.api, (octets) => {
      if (contains(octets, server)) marks.push(daemon?.log.length ?? 0);
    });
    await using inside = daemon = await Inside.start({
      config: wwwConfig(net, servers.port),
      vpp: vpp.paths,
      level: "debug",
    });
    for (const name of ["b1", "b2", "b3"]) {
      await inside.logged((l) => l.msg === "backend-transition" && l.backend === name && l.to === "up");
    }
    await inside.send("POST", "/v1/vpp/lb/sync", {});
    await inside.synced();
    marks.length = 0;
    const from = inside.log.length;
    if (what === "a result") await servers.at(1)[Symbol.asyncDispose]();
    else await inside.send("POST", "/v1/backends/b1/disable", {});
    await inside.logged("vpp-lbsync-done", from);
    const [mark = 0] = marks;
    const to = what === "a result" ? "down" : "disabled";
    assert.equal(marks.length, 1);
    assert.deepEqual(names(inside.log.slice(from, mark)), []);
    const after = inside.log.slice(mark);
    assert.deepEqual(names(after), [
      "backend-transition",
      "vpp-api-send",
      "vpp-lbsync-start",
      "vpp-lbsync-as-weight",
      "vpp-lbsync-done",
    ]);
    assert.equal(after.filter((line) => line.backend === "b1" && line.to === to).length, 1);
  });
}

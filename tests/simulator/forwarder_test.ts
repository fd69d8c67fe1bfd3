import assert from "node:assert/strict";
import type { IpAddress } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { Forwarder } from "../../src/simulator/forwarder.ts";
import type { Packets } from "../../src/simulator/traffic.ts";

const VIP = ip("127.0.2.10");
const SERVER = ip("127.0.2.21");

/** A server that reads until its client ends, then answers with what it got and closes. */
function echoServer(port: number): AsyncDisposable {
  const listener = Deno.listen({ hostname: SERVER, port });
  const running = (async () => {
    for await (const connection of listener) {
      const got: number[] = [];
      const buffer = new Uint8Array(100);
      for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
        got.push(...buffer.subarray(0, n));
      }
      await connection.write(Uint8Array.from(got));
      connection.close();
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await running;
    },
  };
}

/** Sends `text` to the VIP, ends its side and reads to the end. */
async function converse(port: number, text: string): Promise<{ answer: string; clientPort: number }> {
  const connection = await Deno.connect({ hostname: VIP, port });
  const clientPort = connection.localAddr.port;
  await connection.write(new TextEncoder().encode(text));
  await connection.closeWrite();
  return { answer: await new Response(connection.readable).text(), clientPort };
}

Deno.test("a connection goes to the server that forward names, both ways, and its packets are counted", async () => {
  const seen: Packets[] = [];
  await using forwarder = Forwarder.open(VIP, 0, (packets) => {
    seen.push(packets);
    return SERVER;
  });
  await using _server = echoServer(forwarder.port);
  const { answer, clientPort } = await converse(forwarder.port, "hello");
  assert.equal(answer, "hello");
  const flow = { client: ip("127.0.0.1"), clientPort, vip: VIP, port: forwarder.port, protocol: 6 };
  assert.deepEqual(seen, [{ ...flow, packets: 2 }, { ...flow, octets: 5 }]);
});

Deno.test("without a server, or with a dead one, the client sees its connection end", async () => {
  let server: IpAddress | null = null;
  await using forwarder = Forwarder.open(VIP, 0, () => server);
  const ended = async () => {
    using connection = await Deno.connect({ hostname: VIP, port: forwarder.port });
    return await connection.read(new Uint8Array(1));
  };
  assert.equal(await ended(), null);
  server = SERVER;
  assert.equal(await ended(), null);
});

Deno.test("disposal ends connections that are open", async () => {
  const accepted = Promise.withResolvers<void>();
  const forwarder = Forwarder.open(VIP, 0, () => {
    accepted.resolve();
    return SERVER;
  });
  await using _server = echoServer(forwarder.port);
  using connection = await Deno.connect({ hostname: VIP, port: forwarder.port });
  const read = connection.read(new Uint8Array(1)).catch((error) =>
    error instanceof Deno.errors.ConnectionReset
  );
  await accepted.promise;
  await forwarder[Symbol.asyncDispose]();
  assert.ok([null, true].includes(await read as null | true));
});

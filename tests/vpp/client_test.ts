import assert from "node:assert/strict";
import type { Attrs, Log } from "../../src/log/mod.ts";
import { ip } from "../../src/net/ip.ts";
import { VppRetvalError, VppSessionError } from "../../src/vpp/errors.ts";
import { encodeFrame } from "../../src/vpp/frame.ts";
import { calls, dumps, messages } from "../../src/vpp/messages.ts";
import { EncodeError } from "../../src/vpp/wire.ts";
import { FakeClock } from "../fake_clock.ts";
import { idOf, openClient, ScriptedVpp, serverRow } from "./scripted_vpp.ts";

const anyVip = { pfx: { af: 0, octets: new Uint8Array(16), len: 0 }, protocol: 0, port: 0 };

async function endOf(promise: Promise<unknown>): Promise<VppSessionError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof VppSessionError, String(error));
    return error;
  }
  assert.fail("the session should have ended");
}

Deno.test("client: requests of one turn go out in one write, and replies find theirs in any order", async () => {
  const contexts: number[] = [];
  await using vpp = new ScriptedVpp(async ({ head }, connection) => {
    contexts.push(head.context);
    if (contexts.length < 100) return;
    for (const context of contexts.toReversed()) {
      await connection.answer(messages.control_ping_reply, { context }, {
        client_index: 7,
        vpe_pid: context,
      });
    }
  });
  await using client = await openClient(vpp);
  const readsBefore = vpp.reads;
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => client.demand(calls.controlPing, {})),
  );
  assert.equal(new Set(contexts).size, 100, "every request has a context of its own");
  assert.deepEqual(answers.map((answer) => answer.vpe_pid), contexts);
  assert.equal(vpp.reads - readsBefore, 1, "100 requests woke the other side once");
  assert.equal(vpp.seen[1]?.head.clientIndex, 0x80000001);
});

Deno.test("client: rows are told apart by context, and a dump ends with its ping", async () => {
  const opened: number[] = [];
  await using vpp = new ScriptedVpp(async ({ name, head }, connection) => {
    if (name === "lb_as_v2_dump") return void opened.push(head.context);
    if (opened.length < 2) return;
    const [first = 0, second = 0] = opened.splice(0);
    const row = (context: number, last: number) =>
      connection.answer(
        messages.lb_as_v2_details,
        { context },
        serverRow("192.0.2.1/32", ip(`10.0.0.${last}`), last),
      );
    // The pings of both dumps follow their requests; rows of the two interleave before either is answered.
    await row(first, 1);
    await row(second, 2);
    await row(first, 3);
    await connection.pong(head.context - 2);
    await row(second, 4);
    await connection.pong(head.context);
  });
  await using client = await openClient(vpp);
  // Contexts are given out in order: dump, its ping, dump, its ping.
  const [first, second] = await Promise.all([
    client.dump(dumps.lbServers, anyVip),
    client.dump(dumps.lbServers, anyVip),
  ]);
  assert.deepEqual(first.map((one) => one.weight), [1, 3]);
  assert.deepEqual(second.map((one) => one.weight), [2, 4]);
});

Deno.test("client: a dump without rows is empty, not a wait", async () => {
  await using vpp = new ScriptedVpp(({ name, head }, connection) =>
    name === "control_ping" ? connection.pong(head.context) : undefined
  );
  await using client = await openClient(vpp);
  assert.deepEqual(await client.dump(dumps.lbServers, anyVip), []);
});

Deno.test("client: an error of VPP is an answer, and an exception only where it was demanded", async () => {
  await using vpp = new ScriptedVpp(({ head }, connection) =>
    connection.answer(messages.lb_flush_vip_reply, { context: head.context, retval: -6 }, {})
  );
  await using client = await openClient(vpp);
  const vip = { pfx: "192.0.2.1/32", protocol: 6, port: 80 };
  assert.equal((await client.request(calls.lbFlushVip, vip)).retval, -6);
  await assert.rejects(client.demand(calls.lbFlushVip, vip), (error) => {
    assert.ok(error instanceof VppRetvalError);
    assert.equal(error.code, "VNET_API_ERROR_NO_SUCH_ENTRY");
    assert.match(error.message, /^lb_flush_vip: VNET_API_ERROR_NO_SUCH_ENTRY \(-6\)/);
    return true;
  });
  assert.equal(client.signal.aborted, false);
});

Deno.test("client: senseless fields beside an error are no reason to end the session", async () => {
  await using vpp = new ScriptedVpp(({ head }, connection) => {
    const frame = encodeFrame(messages.ip_route_lookup_reply, {
      id: idOf(messages.ip_route_lookup_reply),
      context: head.context,
      retval: -6,
    }, { table_id: 0, stats_index: 0, prefix: "0.0.0.0/0", paths: [] });
    frame[16 + 10 + 8] = 0x77; // address family of the prefix
    return connection.send(frame);
  });
  await using client = await openClient(vpp);
  const reply = await client.request(calls.ipRouteLookup, { table_id: 0, exact: 1, prefix: "192.0.2.1/32" });
  assert.deepEqual(reply, { retval: -6, body: null });
  assert.equal(client.signal.aborted, false);
});

Deno.test("client: a keepalive is answered", async () => {
  const answered = Promise.withResolvers<number>();
  await using vpp = new ScriptedVpp(({ name, head }, connection) => {
    if (name === "memclnt_keepalive_reply") return answered.resolve(head.context);
    return connection.answer(messages.memclnt_keepalive, { context: 99 }, {});
  });
  await using client = await openClient(vpp);
  const ended = endOf(client.request(calls.controlPing, {}));
  assert.equal(await answered.promise, 99);
  await client[Symbol.asyncDispose]();
  assert.equal((await ended).end, "stopped");
});

Deno.test("client: the oldest request without an answer ends the session at its deadline", async () => {
  const clock = new FakeClock();
  await using vpp = new ScriptedVpp(({ name, head }, connection) =>
    name === "control_ping" ? connection.pong(head.context) : undefined
  );
  await using client = await openClient(vpp, { clock });
  await client.demand(calls.controlPing, {});
  await clock.advance(3000);
  const first = endOf(client.request(calls.lbConfGet, {}));
  await clock.advance(4000);
  const second = endOf(client.request(calls.showVersion, {}));
  await clock.advance(999);
  assert.equal(client.signal.aborted, false);
  await clock.advance(1);
  const error = await first;
  assert.equal(error.end, "deadline");
  assert.equal(error.message, "lb_conf_get was not answered within 5 s");
  assert.equal(await second, error);
  assert.equal(client.signal.reason, error);
  assert.equal(clock.pending, 0, "no timer is left");
});

Deno.test("client: time in which this process did not run is not held against VPP", async () => {
  const clock = new FakeClock();
  await using vpp = new ScriptedVpp(() => {});
  await using client = await openClient(vpp, { clock });
  const ended = endOf(client.request(calls.lbConfGet, {}));
  clock.stall(60_000);
  await clock.advance(0);
  assert.equal(client.signal.aborted, false, "the answer may be waiting in the socket");
  await clock.advance(1000);
  assert.equal((await ended).end, "deadline");
});

Deno.test("client: what a message cannot carry is refused, unsent, and the session goes on", async () => {
  await using vpp = new ScriptedVpp(({ head }, connection) => connection.pong(head.context));
  await using client = await openClient(vpp);
  const vip = { pfx: "192.0.2.1/32", protocol: 6, port: 65536 };
  await assert.rejects(client.request(calls.lbFlushVip, vip), (error) => {
    assert.ok(error instanceof EncodeError);
    assert.equal(error.message, "lb_flush_vip.port: 65536 is not an integer 0…65535");
    return true;
  });
  await client.demand(calls.controlPing, {});
  assert.deepEqual(vpp.seen.map((one) => one.name), ["sockclnt_create", "control_ping"]);
});

const ping = (context: number, id = idOf(messages.control_ping_reply)) =>
  encodeFrame(messages.control_ping_reply, { id, context }, { client_index: 1, vpe_pid: 2 });
const patched = (frame: Uint8Array<ArrayBuffer>, size: number, bytes = frame.length) => {
  const copy = new Uint8Array(bytes);
  copy.set(frame.subarray(0, bytes));
  new DataView(copy.buffer).setUint32(8, size);
  return copy;
};

const wrong: { what: string; frame: (context: number) => Uint8Array<ArrayBuffer>; error: RegExp }[] = [
  {
    what: "an id that is not in the table",
    frame: (context) => ping(context, 7),
    error: /message 7: unexpected message/,
  },
  {
    what: "a message that is never sent to a client",
    frame: (context) =>
      encodeFrame(messages.sockclnt_delete_reply, {
        id: idOf(messages.sockclnt_delete_reply),
        context,
      }, {}),
    error: /sockclnt_delete_reply_8f38b1ee: unexpected message/,
  },
  {
    what: "a context that nothing waits for",
    frame: (context) => ping(context + 1),
    error: /nothing waits for context/,
  },
  {
    what: "another message than the one that was asked for",
    frame: (context) =>
      encodeFrame(messages.lb_conf_reply, { id: idOf(messages.lb_conf_reply), context }, {}),
    error: /lb_conf_reply: context \d+ waits for control_ping_reply/,
  },
  {
    what: "a frame that is too short",
    frame: (context) => patched(ping(context), 14, 30),
    error: /control_ping_reply\.vpe_pid: needs 4 octets, 0 left/,
  },
  {
    what: "a frame without a whole head",
    frame: (context) => patched(ping(context), 4, 20),
    error: /control_ping_reply\.head: needs 4 octets, 2 left/,
  },
  {
    what: "a frame that is too long",
    frame: (context) => patched(ping(context), 19, 35),
    error: /control_ping_reply: 1 octets too many/,
  },
  {
    what: "a frame over 16 MiB",
    frame: (context) => patched(ping(context), 16 * 1024 * 1024 + 1),
    error: /frame of 16777217 octets/,
  },
  {
    what: "a frame without an id",
    frame: (context) => patched(ping(context), 1),
    error: /frame of 1 octets holds no message id/,
  },
];

for (const { what, frame, error } of wrong) {
  Deno.test(`client: ${what} ends the session with an error that names it`, async () => {
    await using vpp = new ScriptedVpp(({ head }, connection) => connection.send(frame(head.context)));
    await using client = await openClient(vpp);
    const reason = await endOf(client.request(calls.controlPing, {}));
    assert.equal(reason.end, "malformed");
    assert.match(reason.message, error);
  });
}

Deno.test("client: takes leave of VPP and waits for it, even where it did not understand VPP", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using vpp = new ScriptedVpp(async ({ name, head }, connection) => {
    if (name === "show_version") await connection.send(ping(head.context, 7));
    resolve();
  });
  for (const wrong of [false, true]) {
    const client = await openClient(vpp);
    const ended = wrong ? endOf(client.request(calls.showVersion, {})) : Promise.resolve();
    if (wrong) await promise;
    await ended;
    await client[Symbol.asyncDispose]();
    assert.equal(vpp.clients, 0, "VPP let go of it first");
    const last = vpp.seen.at(-1);
    assert.equal(last?.name, "sockclnt_delete");
    assert.equal(last?.head.clientIndex, 0x80000001);
    assert.deepEqual(last?.body, { index: 0x80000001 });
  }
});

Deno.test("client: a farewell that nobody answers holds up the end for a moment only", async () => {
  await using vpp = new ScriptedVpp(() => {}, [], "deaf");
  const client = await openClient(vpp);
  await client[Symbol.asyncDispose]();
  assert.equal(vpp.seen.at(-1)?.name, "sockclnt_delete");
});

Deno.test("client: no farewell goes out where VPP is gone already", async () => {
  await using vpp = new ScriptedVpp((_seen, connection) => connection.close());
  const client = await openClient(vpp);
  assert.equal((await endOf(client.request(calls.controlPing, {}))).end, "closed");
  await client[Symbol.asyncDispose]();
  assert.equal(vpp.seen.at(-1)?.name, "control_ping");
});

Deno.test("client: a connection that VPP closes rejects everything under way, and what comes later", async () => {
  await using vpp = new ScriptedVpp(async ({ head }, connection) => {
    await connection.send(ping(head.context).subarray(0, 20));
    connection.close();
  });
  await using client = await openClient(vpp);
  const one = endOf(client.request(calls.controlPing, {}));
  const two = endOf(client.dump(dumps.lbServers, anyVip));
  const error = await one;
  assert.equal(error.end, "closed");
  assert.equal(error.message, "VPP closed the connection in the middle of a frame");
  assert.equal(await two, error);
  assert.equal(await endOf(client.request(calls.controlPing, {})), error);
});

Deno.test("client: a VPP without a message says which, and the message cannot be sent", async () => {
  await using vpp = new ScriptedVpp(() => {}, ["lb_as_set_weight", "lb_conf_get_reply"]);
  await using client = await openClient(vpp);
  assert.deepEqual(client.missingMessages(), ["lb_conf_get_reply_923427ac", "lb_as_set_weight_2d89bdbd"]);
  const error = await endOf(client.request(calls.lbAsSetWeight, {
    pfx: "192.0.2.1/32",
    protocol: 6,
    port: 80,
    as_address: ip("10.0.0.1"),
    weight: 1,
    is_flush: false,
  }));
  assert.match(error.message, /no lb_as_set_weight_2d89bdbd/);
});

class Recorder implements Log {
  readonly lines: [string, Attrs][] = [];
  readonly #on: boolean;
  computed = 0;
  constructor(on: boolean) {
    this.#on = on;
  }
  enabled(): boolean {
    return this.#on;
  }
  debug(msg: string, attrs?: Attrs | (() => Attrs)): void {
    if (!this.#on) return;
    this.computed++;
    this.lines.push([msg, typeof attrs === "function" ? attrs() : attrs ?? {}]);
  }
  info(): void {}
  warn(): void {}
  error(): void {}
}

Deno.test("client: each message is logged with its fields, a dump as one line each way, and counted", async () => {
  const log = new Recorder(true);
  const counts: string[] = [];
  await using vpp = new ScriptedVpp(async ({ name, head }, connection) => {
    if (name === "lb_as_v2_dump") {
      for (const last of [1, 2]) {
        await connection.answer(
          messages.lb_as_v2_details,
          { context: head.context },
          serverRow("192.0.2.1/32", ip(`10.0.0.${last}`), last),
        );
      }
    } else if (name === "control_ping") await connection.pong(head.context);
    else await connection.answer(messages.lb_flush_vip_reply, { context: head.context, retval: -6 }, {});
  });
  await using client = await openClient(vpp, {
    log,
    onMessage: (...what) => counts.push(what.join(" ")),
  });
  log.lines.length = 0;
  counts.length = 0;
  await client.request(calls.lbFlushVip, { pfx: "192.0.2.1/32", protocol: 6, port: 80 });
  await client.dump(dumps.lbServers, anyVip);
  assert.deepEqual(log.lines, [
    ["vpp-api-send", { message: "lb_flush_vip", context: 2, pfx: "192.0.2.1/32", protocol: 6, port: 80 }],
    ["vpp-api-recv", { message: "lb_flush_vip_reply", context: 2, retval: -6 }],
    ["vpp-api-send-multi", {
      message: "lb_as_v2_dump",
      context: 3,
      count: 1,
      pfx: { af: 0, octets: "0".repeat(32), len: 0 },
      protocol: 0,
      port: 0,
    }],
    ["vpp-api-recv-multi", { message: "lb_as_v2_details", context: 3, count: 2 }],
  ]);
  assert.deepEqual(counts, [
    "lb_flush_vip send success 1",
    "lb_flush_vip_reply recv failure 1",
    "lb_as_v2_dump send success 1",
    "control_ping send success 1",
    "lb_as_v2_details recv success 2",
    "control_ping_reply recv success 1",
  ]);
});

Deno.test("client: of a long text the log keeps the beginning, the caller gets all of it", async () => {
  const log = new Recorder(true);
  const text = "line\n".repeat(100_000);
  await using vpp = new ScriptedVpp(({ head }, connection) =>
    connection.answer(messages.cli_inband_reply, { context: head.context }, { reply: text })
  );
  await using client = await openClient(vpp, { log });
  assert.equal((await client.demand(calls.cliInband, { cmd: "show lb vips verbose" })).reply, text);
  const [, attrs] = log.lines.at(-1) ?? [];
  assert.equal(attrs?.reply, `${text.slice(0, 2000)}… (500000 characters)`);
});

Deno.test("client: with the debug level off no field is looked at for the log", async () => {
  const log = new Recorder(false);
  await using vpp = new ScriptedVpp(({ head }, connection) => connection.pong(head.context));
  await using client = await openClient(vpp, { log });
  await client.demand(calls.controlPing, {});
  assert.equal(log.computed, 0);
});

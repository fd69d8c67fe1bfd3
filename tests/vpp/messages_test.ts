import assert from "node:assert/strict";
import { encodeFrame, Splitter } from "../../src/vpp/frame.ts";
import { type Message, messages, readMessage } from "../../src/vpp/messages.ts";
import { decodedReply, framesOf, recordedLines } from "./recordings.ts";

const byTableName = new Map<string, Message<unknown>>(
  Object.values(messages).map((message) => [message.tableName, message]),
);

function row(tableName: string): Message<unknown> {
  const message = byTableName.get(tableName);
  assert.ok(message, `${tableName} is no message of ours`);
  return message;
}

function payloadOf(frame: string): Uint8Array<ArrayBuffer> {
  const payloads: Uint8Array<ArrayBuffer>[] = [];
  const splitter = new Splitter();
  splitter.push(Uint8Array.fromHex(frame), (payload) => payloads.push(payload));
  assert.equal(splitter.pending, 0);
  assert.equal(payloads.length, 1);
  return payloads[0] ?? new Uint8Array(0);
}

Deno.test("messages: every recorded frame decodes, and encodes to the same octets again", () => {
  let frames = 0;
  for (const line of recordedLines) {
    if (line.dir !== "tx" && line.dir !== "rx") continue;
    const message = row(line.msg);
    const { head, body } = readMessage(message, payloadOf(line.frame));
    assert.equal(head.id, line.id, line.msg);
    const again = encodeFrame(message, head, body);
    // The header's first and last words are junk in VPP's frames.
    assert.equal(again.toHex().slice(16, 24), line.frame.slice(16, 24), line.msg);
    assert.equal(again.toHex().slice(32), line.frame.slice(32), line.msg);
    frames++;
  }
  assert.equal(frames, 188);
});

/** VPP's own decoder names enum values; these are the numbers that stand on the wire. */
const enums: Readonly<Record<string, number>> = {
  IP_API_PROTO_TCP: 6,
  IP_API_PROTO_UDP: 17,
  IP_API_PROTO_RESERVED: 255,
  IP_API_DSCP_CS0: 0,
  LB_API_ENCAP_TYPE_GRE4: 0,
  LB_API_ENCAP_TYPE_GRE6: 1,
  LB_API_ENCAP_TYPE_L3DSR: 2,
  LB_API_ENCAP_TYPE_NAT4: 3,
  LB_API_ENCAP_TYPE_NAT6: 4,
  LB_API_SRV_TYPE_CLUSTERIP: 0,
};

function asNumbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asNumbers);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, asNumbers(one)]));
  }
  return typeof value === "string" ? enums[value] ?? value : value;
}

function decodeRows(label: string): Record<string, unknown>[] {
  return framesOf(label, "rx").filter((line) => !line.msg.startsWith("control_ping")).map((line) => {
    const { head, body } = readMessage(row(line.msg), payloadOf(line.frame));
    return { context: head.context, ...body as Record<string, unknown> };
  });
}

for (
  const label of [
    "as v2 dump all",
    "as v2 dump filtered, v4 vip, address in the last 4 octets",
    "as v2 dump filtered, v6 vip",
    "as v2 dump, deleted as still listed with flags 0",
    "as v1 dump all",
  ]
) {
  Deno.test(`messages: "${label}" decodes as VPP's own client decodes it`, () => {
    const rows = decodeRows(label);
    assert.ok(rows.length > 0);
    assert.deepEqual(rows, asNumbers(decodedReply(label)));
  });
}

Deno.test("messages: the VIP dump decodes as VPP's own client decodes it, but for what VPP does not swap", () => {
  const rows = decodeRows("vip dump");
  const theirs = asNumbers(decodedReply("vip dump")) as Record<string, unknown>[];
  assert.equal(rows.length, 11);
  rows.forEach((ours, i) => {
    const { target_port, srv_type, dscp, ...rest } = ours;
    const { target_port: swapped, srv_type: their_srv_type, dscp: their_dscp, ...theirRest } = theirs[i] ??
      {};
    assert.deepEqual(rest, theirRest);
    // 3000 stands there as b8 0b; their client reads 47115.
    assert.equal(target_port, swapped === 47115 ? 3000 : swapped);
    // The L3DSR VIP, on which their client gives up.
    assert.equal(srv_type, their_srv_type ?? 7);
    assert.equal(dscp, their_dscp ?? 7);
  });
});

Deno.test("messages: replies decode as VPP's own client decodes them", () => {
  for (
    const label of ["version", "ping", "conf get, untouched VPP", "conf get", "cli unknown", "cli show lb"]
  ) {
    const [line] = framesOf(label, "rx");
    assert.ok(line);
    const { head, body } = readMessage(row(line.msg), payloadOf(line.frame));
    assert.deepEqual(
      { context: head.context, retval: head.retval, ...body as object },
      decodedReply(label),
      label,
    );
  }
});

Deno.test("messages: a route's stats index and paths decode", () => {
  const [line] = framesOf("route lookup of an as", "rx");
  assert.ok(line);
  const { body } = readMessage(messages.ip_route_lookup_reply, payloadOf(line.frame));
  assert.equal(body.stats_index, 18);
  assert.equal(body.prefix, "10.0.0.1/32");
  assert.equal(body.paths.length, 1);
  assert.equal(body.paths[0]?.sw_if_index, 0xffffffff);
  assert.equal(body.paths[0]?.label_stack.length, 16);
});

Deno.test("messages: VPP's table in the recording holds every message", () => {
  const line = recordedLines.find((one) => one.dir === "rx" && one.msg.startsWith("sockclnt_create_reply"));
  assert.ok(line !== undefined && "frame" in line);
  const { body } = readMessage(messages.sockclnt_create_reply, payloadOf(line.frame));
  assert.equal(body.message_table.length, 865);
  const names = new Set(body.message_table.map((entry) => entry.name));
  for (const message of Object.values(messages)) assert.ok(names.has(message.tableName), message.tableName);
});

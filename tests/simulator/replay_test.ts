/**
 * The recordings of a real VPP against the simulator: the same requests, octet for octet but for message ids and
 * the client's number, must get the same answers. What belongs to the machine is listed in `machineValues`, and
 * nothing else may differ.
 */
import assert from "node:assert/strict";
import { Simulator } from "../../src/simulator/simulator.ts";
import { HEADER_SIZE } from "../../src/vpp/frame.ts";
import { type Message, messages, readMessage, writeMessage } from "../../src/vpp/messages.ts";
import { Writer } from "../../src/vpp/wire.ts";
import { RawClient, socketDirectory } from "./raw_client.ts";

interface Line {
  readonly dir: "tx" | "rx" | "label" | "decoded";
  /** Table name of the message. */
  readonly msg?: string;
  readonly id?: number;
  /** Hex. */
  readonly frame?: string;
  readonly label?: string;
}

interface Frame {
  readonly message: Message<unknown>;
  readonly id: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

async function recording(): Promise<Line[]> {
  const text = await Deno.readTextFile(new URL("../fixtures/recordings/api.jsonl", import.meta.url));
  return text.trimEnd().split("\n").map((line): Line => JSON.parse(line));
}

function frameOf({ msg = "", id = 0, frame = "" }: Line): Frame {
  const message = Object.values<Message<unknown>>(messages).find(({ tableName }) => tableName === msg);
  assert.ok(message !== undefined, `${msg} is not implemented`);
  const octets = Uint8Array.from(frame.match(/../g) ?? [], (hex) => parseInt(hex, 16));
  const view = new DataView(octets.buffer);
  assert.equal(view.getUint32(8), octets.length - HEADER_SIZE, "the recorded length");
  assert.equal(view.getUint16(HEADER_SIZE), id, "the recorded id");
  return { message, id, payload: octets.slice(HEADER_SIZE) };
}

/** The same frame for this simulator: its ids and its client's number, all other octets untouched. */
function translated({ message, payload }: Frame, client: RawClient): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(HEADER_SIZE + payload.length);
  octets.set(payload, HEADER_SIZE);
  const view = new DataView(octets.buffer);
  view.setUint32(8, payload.length);
  if (message === messages.sockclnt_create) return octets;
  const id = client.ids.get(message.tableName);
  assert.ok(id !== undefined, `${message.tableName} is not in the table`);
  view.setUint16(HEADER_SIZE, id);
  view.setUint32(HEADER_SIZE + 2, client.clientIndex);
  if (message === messages.sockclnt_delete) view.setUint32(HEADER_SIZE + 10, client.clientIndex);
  return octets;
}

/** The only values that may differ, by message: each is replaced by one that stands for "some value". */
const machineValues: Record<
  string,
  (body: Record<string, unknown>, recorded: ReadonlySet<string>) => object
> = {
  sockclnt_create_reply: (body, recorded) => ({
    ...body,
    index: 0,
    // The table itself but for the messages in the recording, and the ids.
    message_table: (body["message_table"] as { name: string }[]).map(({ name }) => name)
      .filter((name) => recorded.has(name)).sort().map((name) => ({ index: 0, name })),
  }),
  control_ping_reply: (body) => ({ ...body, client_index: 0, vpe_pid: 0 }),
  show_version_reply: (body) => ({ ...body, version: "v", build_date: "d", build_directory: "b" }),
  // A time stamp; whether there is one must agree.
  lb_as_details: (body) => ({ ...body, in_use_since: body["in_use_since"] === 0 ? 0 : 1 }),
  lb_as_v2_details: (body) => ({ ...body, in_use_since: body["in_use_since"] === 0 ? 0 : 1 }),
  cli_inband_reply: (body) => ({ ...body, reply: String(body["reply"]).replaceAll(/dpo:\d+/g, "dpo:0") }),
  ip_route_lookup_reply: (body) => ({ ...body, stats_index: 0 }),
};

/** A payload with its machine values replaced, read and written again. */
function normalised(
  { message, payload }: Frame,
  recorded: ReadonlySet<string>,
): { read: object; octets: Uint8Array } {
  const { head, body } = readMessage(message, payload);
  const again = new Writer();
  writeMessage(again, message, head, body);
  assert.deepEqual(again.finish(), payload, `${message.name} read and written again`);
  const neutral = machineValues[message.name]?.(body as Record<string, unknown>, recorded) ?? body;
  const neutralHead = { ...head, id: 0 };
  const to = new Writer();
  writeMessage(to, message, neutralHead, neutral);
  return { read: { head: neutralHead, body: neutral }, octets: to.finish() };
}

Deno.test("every recorded request gets the recorded answer", async () => {
  const lines = await recording();
  const recorded = new Set(lines.flatMap(({ msg }) => msg === undefined ? [] : [msg]));
  await using sockets = await socketDirectory();
  await using _simulator = await Simulator.start({ api: sockets.api });
  using client = await RawClient.connect(sockets.api);
  let sent = 0;
  let compared = 0;
  let label = "handshake";
  for (const line of lines) {
    if (line.dir === "label") label = line.label ?? label;
    if (line.dir === "tx") {
      await client.send(translated(frameOf(line), client));
      sent++;
    }
    if (line.dir !== "rx") continue;
    const want = frameOf(line);
    const payload = await client.read();
    assert.ok(payload !== null, `${label}: the simulator closed the connection`);
    if (want.message === messages.sockclnt_create_reply) {
      const { body } = readMessage(messages.sockclnt_create_reply, payload);
      client.clientIndex = body.index;
      for (const { index, name } of body.message_table) client.ids.set(name, index);
    }
    const id = new DataView(payload.buffer).getUint16(0);
    const fixed = want.message.name.startsWith("sockclnt_");
    assert.equal(id, fixed ? want.id : client.ids.get(want.message.tableName), `${label}: message id`);
    const got = normalised({ message: want.message, id, payload }, recorded);
    const expected = normalised(want, recorded);
    assert.deepEqual(got.read, expected.read, label);
    assert.deepEqual(got.octets, expected.octets, label);
    compared++;
  }
  assert.equal(await client.read(), null, "the farewell closes the connection");
  assert.deepEqual([sent, compared], [
    lines.filter((l) => l.dir === "tx").length,
    lines.filter((l) => l.dir === "rx").length,
  ]);
  assert.ok(sent > 60 && compared > 100, `${sent} requests, ${compared} answers`);
});

/**
 * The messages that are used, one row each. A message exists for us only if VPP's message table holds its name
 * with exactly this CRC. Field names are VPP's own, so that logs read like VPP's documentation.
 *
 * Each row works both ways: the client writes requests and reads replies, a simulated VPP the other way round.
 *
 * @module
 */
import {
  address,
  array,
  bool,
  chars,
  counted,
  Cursor,
  DecodeError,
  EncodeError,
  type Field,
  i32,
  ip4,
  ip6,
  prefix,
  raw,
  type Shape,
  struct,
  text,
  u16,
  u16le,
  u32,
  u32le,
  u8,
  type ValueOf,
  type Writer,
} from "./wire.ts";

/**
 * What stands before the fields:
 *
 *   request   u16 id, u32 client_index, u32 context
 *   reply     u16 id, u32 context, i32 retval
 *   details   u16 id, u32 context
 */
export type HeadKind = "request" | "reply" | "details";

/** The head of a message; what its kind does not carry is 0. */
export interface Head {
  /** Number of the message in this VPP's table. */
  readonly id: number;
  /** Number that ties replies to their request. */
  readonly context: number;
  /** The client's number, only in requests. */
  readonly clientIndex: number;
  /** 0, or VPP's negative error; only in replies. */
  readonly retval: number;
}

/** One row: a message and how its fields stand on the wire. */
export interface Message<T> {
  /** VPP's name without the CRC. */
  readonly name: string;
  /** Name in the message table: `<name>_<crc in 8 hex digits>`. */
  readonly tableName: string;
  /** What stands before the fields. */
  readonly head: HeadKind;
  /** The fields. */
  readonly body: Field<T>;
}

/** The fields of a message as a value. */
export type BodyOf<M> = M extends Message<infer T> ? T : never;

function message<S extends Shape>(head: HeadKind, name: string, crc: string, shape: S): Message<ValueOf<S>> {
  return { name, tableName: `${name}_${crc}`, head, body: struct(shape) };
}

/** Appends a whole payload. Throws EncodeError with the path of the field. */
export function writeMessage<T>(to: Writer, message: Message<T>, head: Partial<Head>, body: T): void {
  u16.write(to, head.id ?? 0);
  if (message.head === "request") u32.write(to, head.clientIndex ?? 0);
  u32.write(to, head.context ?? 0);
  if (message.head === "reply") i32.write(to, head.retval ?? 0);
  try {
    message.body.write(to, body);
  } catch (error) {
    throw error instanceof EncodeError ? error.under(message.name) : error;
  }
}

/** A message that was read. */
export interface Read<T> {
  /** What stood before the fields. */
  readonly head: Head;
  /** The fields. */
  readonly body: T;
}

/** Reads the head of a payload; the cursor then stands at the fields. Throws DecodeError. */
export function readHead(message: Message<unknown>, from: Cursor): Head {
  try {
    const id = u16.read(from);
    const clientIndex = message.head === "request" ? u32.read(from) : 0;
    const context = u32.read(from);
    const retval = message.head === "reply" ? i32.read(from) : 0;
    return { id, context, clientIndex, retval };
  } catch (error) {
    throw error instanceof DecodeError ? error.under(`${message.name}.head`) : error;
  }
}

/**
 * Reads the fields, from a cursor that stands behind the head. Throws DecodeError with the path of the field, also
 * for octets left over: the CRC fixes the definition, so a longer payload is a stream out of step.
 */
export function readBody<T>(message: Message<T>, from: Cursor): T {
  try {
    const body = message.body.read(from);
    const left = from.end - from.at;
    if (left !== 0) throw new DecodeError("", `${left} octets too many`);
    return body;
  } catch (error) {
    throw error instanceof DecodeError ? error.under(message.name) : error;
  }
}

/** Reads a whole payload. Throws DecodeError as `readHead` and `readBody` do. */
export function readMessage<T>(message: Message<T>, payload: Uint8Array<ArrayBuffer>): Read<T> {
  const from = new Cursor(payload);
  const head = readHead(message, from);
  return { head, body: readBody(message, from) };
}

/** Fixed id of `sockclnt_create`, the same in every VPP; its reply is the next one. */
export const SOCKCLNT_CREATE_ID = 15;
/** Fixed id of `sockclnt_create_reply`. */
export const SOCKCLNT_CREATE_REPLY_ID = 16;

/** Longest text of `cli_inband`, in octets: `show lb vips verbose` of 1,000 VIPs × 8 servers has about 0.7 MB. */
const MAX_TEXT = 12 * 1024 * 1024;

const lbVip = struct({ pfx: prefix, protocol: u8, port: u16 });

/**
 * A prefix whose 16 octets stand as given. The filter of the server dumps compares the 16 octets with the
 * plugin's own layout (IPv4 in the last four), which the API's type cannot say.
 */
const rawPrefix = struct({ af: u8, octets: raw(16), len: u8 });

const fibPath = struct({
  sw_if_index: u32,
  table_id: u32,
  rpf_id: u32,
  weight: u8,
  preference: u8,
  type: u32,
  flags: u32,
  proto: u32,
  nh: struct({ address: raw(16), via_label: u32, obj_id: u32, classify_table_index: u32 }),
  n_labels: u8,
  label_stack: array(16, struct({ is_uniform: u8, label: u32, ttl: u8, exp: u8 })),
});

const noFields = {} satisfies Shape;

// The field lists below are inferred; writing them out a second time as types could only add mistakes.
/** Every message by its VPP name. */
export const messages = {
  // The head of sockclnt_create has no client_index and that of its reply has one: the kinds name the layout.
  sockclnt_create: message("details", "sockclnt_create", "455fb9c4", { name: chars(64) }),
  sockclnt_create_reply: message("request", "sockclnt_create_reply", "35166268", {
    response: i32,
    index: u32,
    message_table: counted(u16, struct({ index: u16, name: chars(64) })),
  }),
  sockclnt_delete: message("request", "sockclnt_delete", "8ac76db6", { index: u32 }),
  /** `retval` is VPP's `response`: 1 on success. */
  sockclnt_delete_reply: message("reply", "sockclnt_delete_reply", "8f38b1ee", noFields),
  memclnt_keepalive: message("request", "memclnt_keepalive", "51077d14", noFields),
  memclnt_keepalive_reply: message("reply", "memclnt_keepalive_reply", "e8d4e804", noFields),
  control_ping: message("request", "control_ping", "51077d14", noFields),
  control_ping_reply: message("reply", "control_ping_reply", "f6b0b8ca", { client_index: u32, vpe_pid: u32 }),
  show_version: message("request", "show_version", "51077d14", noFields),
  show_version_reply: message("reply", "show_version_reply", "c919bde1", {
    program: chars(32),
    version: chars(32),
    build_date: chars(32),
    build_directory: chars(256),
  }),
  cli_inband: message("request", "cli_inband", "f8377302", { cmd: text(4096) }),
  cli_inband_reply: message("reply", "cli_inband_reply", "05879051", { reply: text(MAX_TEXT) }),
  lb_conf: message("request", "lb_conf", "56cd3261", {
    ip4_src_address: ip4,
    ip6_src_address: ip6,
    sticky_buckets_per_core: u32,
    flow_timeout: u32,
  }),
  lb_conf_reply: message("reply", "lb_conf_reply", "e8d4e804", noFields),
  lb_conf_get: message("request", "lb_conf_get", "51077d14", noFields),
  lb_conf_get_reply: message("reply", "lb_conf_get_reply", "923427ac", {
    ip4_src_address: ip4,
    ip6_src_address: ip6,
    sticky_buckets_per_core: u32,
    flow_timeout: u32,
  }),
  lb_add_del_vip_v2: message("request", "lb_add_del_vip_v2", "7c520e0f", {
    pfx: prefix,
    protocol: u8,
    port: u16,
    encap: u32,
    dscp: u8,
    type: u32,
    target_port: u16,
    node_port: u16,
    new_flows_table_length: u32,
    src_ip_sticky: bool,
    is_del: bool,
  }),
  lb_add_del_vip_v2_reply: message("reply", "lb_add_del_vip_v2_reply", "e8d4e804", noFields),
  lb_add_del_as_v2: message("request", "lb_add_del_as_v2", "2f1d3b0e", {
    pfx: prefix,
    protocol: u8,
    port: u16,
    as_address: address,
    weight: u8,
    is_del: bool,
    is_flush: bool,
  }),
  lb_add_del_as_v2_reply: message("reply", "lb_add_del_as_v2_reply", "e8d4e804", noFields),
  lb_as_set_weight: message("request", "lb_as_set_weight", "2d89bdbd", {
    pfx: prefix,
    protocol: u8,
    port: u16,
    as_address: address,
    weight: u8,
    is_flush: bool,
  }),
  lb_as_set_weight_reply: message("reply", "lb_as_set_weight_reply", "e8d4e804", noFields),
  lb_flush_vip: message("request", "lb_flush_vip", "1063f819", { pfx: prefix, protocol: u8, port: u16 }),
  lb_flush_vip_reply: message("reply", "lb_flush_vip_reply", "e8d4e804", noFields),
  /** VPP ignores every field and lists every VIP. */
  lb_vip_dump: message("request", "lb_vip_dump", "56110cb7", {
    pfx: prefix,
    le: u8,
    ge: u8,
    protocol: u8,
    port: u16,
  }),
  /** `srv_type` means something for NAT only; no value of any field is an error. */
  lb_vip_details: message("details", "lb_vip_details", "1329ec9b", {
    vip: lbVip,
    encap: u32,
    dscp: u8,
    srv_type: u32le,
    target_port: u16le,
    /** 16 bits: 65536 reads as 0. */
    flow_table_length: u16,
  }),
  lb_as_v2_dump: message("request", "lb_as_v2_dump", "1063f819", { pfx: rawPrefix, protocol: u8, port: u16 }),
  lb_as_v2_details: message("details", "lb_as_v2_details", "90064aae", {
    vip: lbVip,
    app_srv: address,
    flags: u8,
    in_use_since: u32,
    weight: u8,
    num_buckets: u32,
  }),
  lb_as_dump: message("request", "lb_as_dump", "1063f819", { pfx: rawPrefix, protocol: u8, port: u16 }),
  lb_as_details: message("details", "lb_as_details", "8d24c29e", {
    vip: lbVip,
    app_srv: address,
    flags: u8,
    in_use_since: u32,
  }),
  ip_route_lookup: message("request", "ip_route_lookup", "710d6471", { table_id: u32, exact: u8, prefix }),
  ip_route_lookup_reply: message("reply", "ip_route_lookup_reply", "5d8febcb", {
    table_id: u32,
    stats_index: u32,
    prefix,
    paths: counted(u8, fibPath),
  }),
} as const;

/** Name of a message that is used. */
export type MessageName = keyof typeof messages;

/** A request and the one reply it gets. */
export interface Call<Q, R> {
  /** What is sent. */
  readonly request: Message<Q>;
  /** What VPP answers, once. */
  readonly reply: Message<R>;
}

/** A request and the rows it gets, none or many; only the reply to a later ping tells that they have ended. */
export interface Dump<Q, R> {
  /** What is sent. */
  readonly request: Message<Q>;
  /** What VPP answers, once a row. */
  readonly details: Message<R>;
}

const m = messages;

/** Requests with one reply. */
export const calls = {
  controlPing: { request: m.control_ping, reply: m.control_ping_reply },
  showVersion: { request: m.show_version, reply: m.show_version_reply },
  cliInband: { request: m.cli_inband, reply: m.cli_inband_reply },
  lbConf: { request: m.lb_conf, reply: m.lb_conf_reply },
  lbConfGet: { request: m.lb_conf_get, reply: m.lb_conf_get_reply },
  lbAddDelVip: { request: m.lb_add_del_vip_v2, reply: m.lb_add_del_vip_v2_reply },
  lbAddDelAs: { request: m.lb_add_del_as_v2, reply: m.lb_add_del_as_v2_reply },
  lbAsSetWeight: { request: m.lb_as_set_weight, reply: m.lb_as_set_weight_reply },
  lbFlushVip: { request: m.lb_flush_vip, reply: m.lb_flush_vip_reply },
  ipRouteLookup: { request: m.ip_route_lookup, reply: m.ip_route_lookup_reply },
} as const;

/** Requests with rows. */
export const dumps = {
  lbVips: { request: m.lb_vip_dump, details: m.lb_vip_details },
  lbServers: { request: m.lb_as_v2_dump, details: m.lb_as_v2_details },
} as const;

/** The messages without which a VPP is refused: all but the old forms and the farewell, which are never sent. */
export const requiredMessages: readonly Message<unknown>[] = Object.values(m).filter((one) =>
  !["sockclnt_delete", "sockclnt_delete_reply", "lb_as_dump", "lb_as_details"].includes(one.name)
);

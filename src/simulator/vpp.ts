/**
 * One run of a simulated VPP, from its start to its end: what it knows, and what it answers to each message.
 * It has no sockets; a server hands it requests and takes what it sends.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import { type Message, messages } from "../vpp/messages.ts";
import type { Cursor } from "../vpp/wire.ts";
import { type ApiClient, runCommand } from "./cli.ts";
import { LbPlugin, VppCrash } from "./lbplugin.ts";
import { MainHeap } from "./mainheap.ts";
import { Routes } from "./routes.ts";
import { type SegmentOptions, StatSegment } from "./statsegment.ts";

/** What `show_version` tells. */
export interface Build {
  /** At most 31 octets, as the next two; `vpe` for VPP. */
  readonly program: string;
  /** E.g. `26.10-rc0`. */
  readonly version: string;
  /** E.g. `2026-11-22T05:56:29`. */
  readonly build_date: string;
  /** At most 255 octets. */
  readonly build_directory: string;
}

/** What a run starts from. */
export interface RunOptions {
  /** Source of VPP's time. */
  readonly clock: Clock;
  /** Memory of the stats segment, zeroed. */
  readonly segment: ArrayBuffer;
  /** What stands in the segment. */
  readonly segmentOptions: SegmentOptions;
  /** Who this VPP says it is. */
  readonly build: Build;
  /** Process id that `control_ping` answers. */
  readonly pid: number;
  /** Octets of the main heap. */
  readonly heapSize: number;
}

/** What a request may do beyond its own connection. */
export interface Peer {
  /** The number that the request carried. */
  readonly clientIndex: number;
  /** Clients connected now. */
  clients(): readonly ApiClient[];
  /** Lets go of dead clients that were kept. */
  buryDead(): void;
  /** Sends one message of its context. */
  send<T>(message: Message<T>, retval: number, body: T): void;
}

/** A request whose fields were read. */
export interface Decoded {
  /** The fields. */
  readonly body: unknown;
  /** Does what it asks for. Throws VppCrash. */
  run(vpp: SimulatedVpp, peer: Peer): void;
}

/** A kind of request that VPP answers. */
export interface Handler {
  /** The request. */
  readonly message: Message<unknown>;
  /** The reply of a request that changes something; it has no fields. Null for every other request. */
  readonly change: Message<object> | null;
  /** Whether it is answered by rows, which carry no retval. */
  readonly rows: boolean;
  /** Reads the fields; octets left over do not matter to VPP. Throws DecodeError. */
  decode(from: Cursor): Decoded;
}

function on<T>(
  message: Message<T>,
  run: (vpp: SimulatedVpp, body: T, peer: Peer) => void,
  change: Message<object> | null = null,
): Handler {
  return {
    message,
    change,
    rows: message.name.endsWith("_dump"),
    decode(from) {
      const body = message.body.read(from);
      return { body, run: (vpp, peer) => run(vpp, body, peer) };
    },
  };
}

function onChange<T>(
  message: Message<T>,
  reply: Message<object>,
  run: (vpp: SimulatedVpp, body: T) => number,
): Handler {
  return on(message, (vpp, body, peer) => peer.send(reply, run(vpp, body), {}), reply);
}

const m = messages;

/** Every request that is answered; the handshake and the farewell belong to the server. */
export const handlers: readonly Handler[] = [
  on(m.control_ping, (vpp, _, peer) => {
    peer.send(m.control_ping_reply, 0, { client_index: peer.clientIndex, vpe_pid: vpp.pid });
  }),
  on(m.show_version, (vpp, _, peer) => peer.send(m.show_version_reply, 0, vpp.build)),
  on(m.cli_inband, (vpp, { cmd }, peer) => {
    const { retval, reply } = runCommand({
      lb: vpp.lb,
      vipCounter: (name, index) => vpp.stats.vipSum(name, index),
      clients: () => peer.clients(),
      uptime: () => vpp.uptime(),
      systemCallFailed: () => peer.buryDead(),
    }, cmd);
    peer.send(m.cli_inband_reply, retval, { reply });
  }),
  on(m.memclnt_keepalive, (_vpp, _body, peer) => {
    peer.send(m.memclnt_keepalive_reply, 0, {});
  }),
  on(m.memclnt_keepalive_reply, () => {}),
  onChange(m.lb_conf, m.lb_conf_reply, (vpp, body) => vpp.lb.lb_conf(body)),
  on(m.lb_conf_get, (vpp, _, peer) => peer.send(m.lb_conf_get_reply, 0, vpp.lb.conf)),
  onChange(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, (vpp, body) => {
    return vpp.lb.lb_add_del_vip_v2(body, vpp.uptime());
  }),
  onChange(m.lb_add_del_as_v2, m.lb_add_del_as_v2_reply, (vpp, body) => {
    return vpp.lb.lb_add_del_as_v2(body, vpp.uptime());
  }),
  onChange(m.lb_as_set_weight, m.lb_as_set_weight_reply, (vpp, body) => vpp.lb.lb_as_set_weight(body)),
  onChange(m.lb_flush_vip, m.lb_flush_vip_reply, (vpp, body) => vpp.lb.lb_flush_vip(body)),
  on(m.lb_vip_dump, (vpp, _, peer) => {
    for (const row of vpp.lb.lb_vip_dump()) peer.send(m.lb_vip_details, 0, row);
  }),
  on(m.lb_as_v2_dump, (vpp, body, peer) => {
    for (const row of vpp.lb.lb_as_v2_dump(body)) peer.send(m.lb_as_v2_details, 0, row);
  }),
  on(m.lb_as_dump, (vpp, body, peer) => {
    for (const row of vpp.lb.lb_as_dump(body)) peer.send(m.lb_as_details, 0, row);
  }),
  on(m.ip_route_lookup, (vpp, body, peer) => {
    const { retval, body: route } = vpp.routes.lookup(body);
    peer.send(m.ip_route_lookup_reply, retval, route);
  }),
];

/** A VPP between its start and its end. */
export class SimulatedVpp {
  /** The lb plugin. */
  readonly lb: LbPlugin;
  /** The routing tables. */
  readonly routes: Routes;
  /** The stats segment. */
  readonly stats: StatSegment;
  /** The main heap. */
  readonly heap: MainHeap;
  /** What `show_version` tells. */
  readonly build: Build;
  /** Process id. */
  readonly pid: number;
  /** What clients did that the real VPP may not survive, e.g. a flush of a VIP that is not there. */
  readonly hazards: string[] = [];

  readonly #clock: Clock;
  readonly #startedAt: Millis;

  /** Starts a VPP that knows nothing yet. */
  constructor({ clock, segment, segmentOptions, build, pid, heapSize }: RunOptions) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.build = build;
    this.pid = pid;
    this.stats = new StatSegment(segment, segmentOptions);
    this.routes = new Routes((index) => this.stats.routeAdded(index));
    this.heap = new MainHeap(
      heapSize,
      ({ total, used }) => this.stats.setMemory("/mem/main heap", total, used),
      (text) => new VppCrash(text),
    );
    this.lb = new LbPlugin({
      routes: this.routes,
      heap: this.heap,
      vipAdded: (index) => this.stats.vipAdded(index),
      hazard: (text) => this.hazards.push(text),
    });
  }

  /** Whole seconds since the start: the plugin's clock. A VPP whose socket answers has been up for one already. */
  uptime(): number {
    return 1 + Math.floor((this.#clock.now() - this.#startedAt) / 1000);
  }
}

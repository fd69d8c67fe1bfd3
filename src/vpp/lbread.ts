/**
 * Reads VIPs and application servers. Reading holds VPP's workers too, so as little as possible is asked for:
 * the list of VIPs, one filtered dump of servers a VIP with a bounded number in flight, and the costly text only
 * when something it tells may have changed.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { ActualServer, ActualVip, Encap, Family, Millis, VipKey } from "../model.ts";
import { family, octets16, parseIp } from "../net/ip.ts";
import type { VppClient } from "./client.ts";
import { type BodyOf, calls, dumps, messages, readBody } from "./messages.ts";
import { describeRetval } from "./errors.ts";
import { parseLbText, vipId, type VipText } from "./lbtext.ts";
import { RowMemory } from "./rowmemory.ts";
import type { Cursor } from "./wire.ts";

/** Encapsulations by VPP's number. */
export const encaps: readonly Encap[] = ["gre4", "gre6", "l3dsr", "nat4", "nat6"];

/** Filtered dumps in flight at a time: one group, sent in one write and ended by one ping. */
const GROUP = 8;
/** How long the text is believed while nothing seems to have changed. */
const TEXT_MAX_AGE_MS = 10 * 60 * 1000;
/** `show lb vips verbose` of this release and older ones is known, and so is the filter of the server dump. */
const TESTED: readonly [year: number, month: number] = [26, 10];
/** Bit of `flags` without which a server is removed and only waits for VPP's garbage collection. */
const USED = 1;

type VipRow = BodyOf<typeof messages.lb_vip_details>;
type ServerRow = BodyOf<typeof messages.lb_as_v2_details>;
type ServerFilter = BodyOf<typeof messages.lb_as_v2_dump>;

/** What is known of a VIP beside its row. */
interface Known extends Pick<VipText, "srcIpSticky" | "tableLength"> {
  readonly index: number | null;
}

function keyOf(vip: VipRow["vip"]): VipKey {
  return { prefix: vip.pfx, protocol: vip.protocol, port: vip.port };
}

function familyOf(vip: VipKey): Family {
  return vip.prefix.includes(":") ? 6 : 4;
}

/** A VIP that VPP lists, and what is asked and looked up by. */
interface ListedVip {
  readonly row: VipRow;
  readonly key: VipKey;
  /** `vipId` of the key. */
  readonly id: string;
  /** Asks for its servers. */
  readonly filter: ServerFilter;
}

function listedVip(row: VipRow): ListedVip {
  const key = keyOf(row.vip);
  return { row, key, id: vipId(key), filter: filterFor(key) };
}

/** A row of the server dump, as far as it is wanted. */
interface Listed {
  readonly vip: ServerRow["vip"];
  readonly server: ActualServer;
}

function listed(row: ServerRow): Listed {
  return {
    vip: row.vip,
    server: {
      address: row.app_srv,
      weight: row.weight,
      flags: row.flags,
      numBuckets: row.num_buckets,
      inUseSince: row.in_use_since,
    },
  };
}

function readListed(fields: Cursor): Listed {
  return listed(readBody(messages.lb_as_v2_details, fields));
}

const noPause = (): Promise<void> | null => null;

/** What a dump of servers found for one VIP. */
interface Found {
  /** Rows of any kind, those of removed servers too. */
  readonly rows: number;
  /** The servers that exist for us. */
  readonly servers: ActualServer[];
}

/** The servers of one VIP that exist for us. */
function usedServers(rows: readonly Listed[], { prefix, protocol, port }: VipKey): Found {
  const servers: ActualServer[] = [];
  for (const { vip, server } of rows) {
    if ((server.flags & USED) === 0 || vip.port !== port || vip.protocol !== protocol || vip.pfx !== prefix) {
      continue;
    }
    servers.push(server);
  }
  return { rows: rows.length, servers };
}

/** Whether a VIP is as it was. Rows of servers that stay the same are the same objects. */
function isSame(a: ActualVip, b: ActualVip): boolean {
  return a.prefix === b.prefix && a.protocol === b.protocol && a.port === b.port &&
    a.encap === b.encap && a.srcIpSticky === b.srcIpSticky && a.tableLength === b.tableLength &&
    a.index === b.index && a.servers.length === b.servers.length &&
    a.servers.every((server, i) => server === b.servers[i]);
}

/** Whether two dumps list the same VIPs, told by the same fields in the same order. */
function sameVips(a: readonly ListedVip[] | null, b: readonly ListedVip[]): boolean {
  return a !== null && a.length === b.length && a.every(({ row: one, id }, i) => {
    const other = b[i];
    return other !== undefined && id === other.id && one.encap === other.row.encap &&
      one.dscp === other.row.dscp && one.srv_type === other.row.srv_type &&
      one.target_port === other.row.target_port && one.flow_table_length === other.row.flow_table_length;
  });
}

/**
 * Filter for the servers of a VIP. VPP compares the 16 octets with the plugin's own layout, IPv4 in the last four,
 * and finds nothing for an IPv4 address in the place that the API's type has for it.
 */
function filterFor({ prefix, protocol, port }: VipKey): ServerFilter {
  const [host = "", length = "0"] = prefix.split("/");
  const address = parseIp(host);
  if (address === null) throw new TypeError(`Not a prefix: "${prefix}"`);
  const af = family(address) === 4 ? 0 : 1;
  return { pfx: { af, octets: octets16(address), len: Number(length) }, protocol, port };
}

/** A filter that lists the servers of every VIP. */
const noFilter: ServerFilter = {
  pfx: { af: 0, octets: new Uint8Array(16), len: 0 },
  protocol: 0,
  port: 0,
};

/** Whether a version as `show_version` tells it is of a later release than the tested one, or cannot be read. */
export function newerThanTested(version: string): boolean {
  const [, year, month] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (year === undefined || month === undefined) return true;
  return Number(year) > TESTED[0] || (Number(year) === TESTED[0] && Number(month) > TESTED[1]);
}

/** Reads VIPs and servers of one session. */
export class LbReader {
  readonly #client: VppClient;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #warned = new Set<string>();
  /** Those who wait for the group in flight, in order. */
  readonly #queue: (() => void)[] = [];
  #inFlight = false;
  #known: Map<string, Known> | null = null;
  #textAt: Millis = 0;
  #textStale = false;
  #lastVips: readonly ListedVip[] | null = null;
  /** What the last full read found. */
  #read: readonly ActualVip[] = [];
  /** Families for which the filter is known to work. */
  readonly #proven: Set<Family>;
  #filterBroken = false;
  readonly #vipRows = new RowMemory(messages.lb_vip_details, listedVip);
  /** Of full readings only: between two of them a look at a few VIPs must not take the places of all. */
  readonly #serverRows = new RowMemory(messages.lb_as_v2_details, listed);

  /** Reads by `client`, whose VPP told `version`. */
  constructor(client: VppClient, version: string, clock: Clock, log: Log) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#proven = new Set(newerThanTested(version) ? [] : [4, 6]);
  }

  /** Every VIP with its servers, in VPP's order. `between` goes between two groups of dumps. */
  async readAll(between: () => Promise<void> | null = noPause): Promise<ActualVip[]> {
    const rows = await this.#dumpVips();
    const changed = !sameVips(this.#lastVips, rows);
    this.#lastVips = rows;
    const age = this.#clock.now() - this.#textAt;
    const due = this.#known === null || this.#textStale || changed || age >= TEXT_MAX_AGE_MS;
    let row = 0;
    const vips = await this.#complete(rows, due, (fields) => this.#serverRows.read(row++, fields), between);
    this.#serverRows.trim(row);
    return this.#shared(vips);
  }

  /** VIPs that are as they were at the same place last are the same objects, so that nothing is made of them anew. */
  #shared(vips: readonly ActualVip[]): ActualVip[] {
    const before = this.#read;
    this.#read = vips.map((vip, i) => {
      const was = before[i];
      return was !== undefined && isSame(was, vip) ? was : vip;
    });
    return [...this.#read];
  }

  /** The VIPs of `wanted` that VPP has, with their servers, and nothing of the others. */
  async readSome(wanted: (key: VipKey) => boolean): Promise<ActualVip[]> {
    const rows = await this.#dumpVips();
    return this.#complete(rows.filter(({ key }) => wanted(key)), false);
  }

  /** One VIP with its servers; its dump goes out together with the list, so this is one round trip. */
  async readOne(key: VipKey): Promise<ActualVip | null> {
    const id = vipId(key);
    if (this.#filterBroken || !this.#proven.has(familyOf(key))) {
      return (await this.readSome((one) => vipId(one) === id))[0] ?? null;
    }
    const [rows, [found]] = await Promise.all([
      this.#dumpVips(),
      this.#dumpGroup([{ key, filter: filterFor(key) }]),
    ]);
    const row = rows.find((one) => one.id === id);
    return row === undefined ? null : this.#vip(row, found);
  }

  /**
   * The servers of one VIP and nothing else, for a caller that knows the VIP from an earlier read. Empty when there
   * are none, or no such VIP; null where the filter is not known to work.
   */
  async readServers(key: VipKey): Promise<ActualServer[] | null> {
    if (this.#filterBroken || !this.#proven.has(familyOf(key))) return null;
    const [found] = await this.#dumpGroup([{ key, filter: filterFor(key) }]);
    return found?.servers ?? [];
  }

  /** The text is asked for again at the next full read. */
  textIsStale(): void {
    this.#textStale = true;
  }

  /** A VIP was made or deleted (`null`): what was known of it before says nothing any more. */
  changed(key: VipKey, now: Pick<VipText, "srcIpSticky" | "tableLength"> | null): void {
    this.#textStale = true;
    if (now === null) this.#known?.delete(vipId(key));
    else this.#known?.set(vipId(key), { ...now, index: null });
  }

  async #complete(
    rows: readonly ListedVip[],
    textDue: boolean,
    read = readListed,
    between = noPause,
  ): Promise<ActualVip[]> {
    const [text, found] = await Promise.all([
      textDue ? this.#readText() : null,
      this.#filterBroken ? [] : this.#dumpServers(rows, read, between),
    ]);
    if (!this.#filterBroken) await this.#judgeFilter(rows, found, text);
    const servers = this.#filterBroken ? await this.#dumpAllServers(rows, read) : found;
    return rows.map((row, i) => this.#vip(row, servers[i])).filter((vip) => vip !== null);
  }

  /** On a VPP newer than tested: a filter that finds something works, one that misses servers never will. */
  async #judgeFilter(
    rows: readonly ListedVip[],
    found: readonly Found[],
    text: ReadonlyMap<string, VipText> | null,
  ): Promise<void> {
    if (this.#proven.size === 2) return;
    rows.forEach(({ key }, i) => {
      if ((found[i]?.rows ?? 0) > 0) this.#proven.add(familyOf(key));
    });
    const doubtful = rows.filter(({ key }) => !this.#proven.has(familyOf(key)));
    if (doubtful.length === 0) return;
    // Only the text can tell whether a filter that finds nothing is right.
    const truth = text ?? await this.#readText();
    const missed = doubtful.find(({ id }) => (truth.get(id)?.servers ?? 0) > 0);
    if (missed === undefined) return;
    this.#filterBroken = true;
    this.#log.warn("vpp-lb-filter", {
      vip: missed.id,
      detail: "the filter of lb_as_v2_dump finds nothing on this VPP where there are servers; " +
        "from now on the servers of all VIPs are read at once, which holds VPP's workers longer",
    });
  }

  async #dumpVips(): Promise<ListedVip[]> {
    const everyVip = { pfx: "0.0.0.0/0", le: 0, ge: 0, protocol: 255, port: 0 };
    let row = 0;
    const rows = await this.#client.dump(
      dumps.lbVips,
      everyVip,
      (fields) => this.#vipRows.read(row++, fields),
    );
    this.#vipRows.trim(row);
    return rows;
  }

  /** The servers of each VIP, group by group. */
  async #dumpServers(
    rows: readonly ListedVip[],
    read: typeof readListed,
    between: () => Promise<void> | null,
  ): Promise<Found[]> {
    const found: Found[] = [];
    for (let first = 0; first < rows.length; first += GROUP) {
      if (first > 0) await between();
      found.push(...await this.#dumpGroup(rows.slice(first, first + GROUP), read));
    }
    return found;
  }

  /** The servers of a few VIPs. Groups take turns, so one VIP never waits for all of a full read. */
  async #dumpGroup(
    vips: readonly Pick<ListedVip, "key" | "filter">[],
    read = readListed,
  ): Promise<Found[]> {
    if (this.#inFlight) await new Promise<void>((go) => this.#queue.push(go));
    this.#inFlight = true;
    try {
      const filters = vips.map(({ filter }) => filter);
      const found = await this.#client.dumps(dumps.lbServers, filters, read);
      return vips.map(({ key }, i) => usedServers(found[i] ?? [], key));
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#inFlight = false;
      else next();
    }
  }

  async #dumpAllServers(rows: readonly ListedVip[], read: typeof readListed): Promise<Found[]> {
    const byVip = Map.groupBy(
      await this.#client.dump(dumps.lbServers, noFilter, read),
      (row) => vipId(keyOf(row.vip)),
    );
    return rows.map(({ key, id }) => usedServers(byVip.get(id) ?? [], key));
  }

  async #readText(): Promise<ReadonlyMap<string, VipText>> {
    this.#textStale = false;
    const { retval, body } = await this.#client.request(calls.cliInband, { cmd: "show lb vips verbose" });
    this.#textAt = this.#clock.now();
    if (retval !== 0) {
      this.#warnOnce(`show lb vips verbose: ${describeRetval(retval).name}: ${(body?.reply ?? "").trim()}`);
    }
    const text = parseLbText(retval === 0 ? body?.reply ?? "" : "");
    for (const line of text.unknownLines) this.#warnOnce(line);
    this.#known = new Map(text.vips);
    return text.vips;
  }

  /** Warns of a kind of line once: numbers and addresses differ from VIP to VIP, and counters from read to read. */
  #warnOnce(line: string): void {
    const kind = line.replaceAll(/[0-9a-fA-F.:/]*[0-9][0-9a-fA-F.:/]*/g, "#");
    if (this.#warned.has(kind)) return;
    this.#warned.add(kind);
    this.#log.warn("vpp-lb-text", {
      line,
      detail: "VPP's text is not known; stickiness and counters of the VIP it belongs to stay unknown",
    });
  }

  #vip({ row, key, id }: ListedVip, found: Found | undefined): ActualVip | null {
    const encap = encaps[row.encap];
    if (encap === undefined) {
      // A VIP that cannot be described cannot be judged, so it is left alone.
      if (!this.#warned.has(id)) {
        this.#warned.add(id);
        this.#log.warn("vpp-lb-encap", {
          vip: id,
          encap: row.encap,
          detail: "unknown encapsulation; left alone",
        });
      }
      return null;
    }
    // The row has 16 bits for the length, so 65536 stands there as 0.
    const length = row.flow_table_length;
    const last = this.#known?.get(id);
    // Another length is another VIP than the one that the text told of.
    const known = last !== undefined && last.tableLength % 65536 === length ? last : undefined;
    return {
      prefix: key.prefix,
      protocol: key.protocol,
      port: key.port,
      encap,
      srcIpSticky: known?.srcIpSticky ?? null,
      tableLength: known?.tableLength ?? (length === 0 ? 65536 : length),
      index: known?.index ?? null,
      servers: found?.servers ?? [],
    };
  }
}

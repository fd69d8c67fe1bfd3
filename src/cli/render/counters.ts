import type { LbCounters } from "../../api/mod.ts";
import type { View } from "../context.ts";
import { type Block, table } from "../table.ts";
import { type Inline, line, styled } from "../text.ts";
import { agoText, countText, rateText } from "../units.ts";
import { portText, vipName } from "./style.ts";

type VipCounters = LbCounters["vips"][number];
type ServerCounters = LbCounters["servers"][number];
type RouteCounters = Pick<ServerCounters, "packets" | "bytes">;

const vipId = (vip: Pick<VipCounters, "prefix" | "protocol" | "port">) =>
  `${vip.prefix} ${vip.protocol} ${vip.port}`;
const address = (prefix: string) => prefix.replace(/\/(32|128)$/, "");
const spare = (title: string) => ({ title, align: "right" as const, spare: 1 });
const right = (title: string) => ({ title, align: "right" as const });

/** Seconds between two reads, or null if no rate can be made of them. */
function secondsBetween(earlier: LbCounters | null, later: LbCounters): number | null {
  if (earlier === null || earlier.read_at === null || later.read_at === null) return null;
  const seconds = (Date.parse(later.read_at) - Date.parse(earlier.read_at)) / 1000;
  return seconds > 0 ? seconds : null;
}

/** A rate, `-` where there is no earlier value or the counter went back (VPP was restarted). */
function rate(before: number | undefined, after: number, seconds: number | null, factor = 1): Inline {
  if (before === undefined || seconds === null || after < before) return "-";
  const value = (after - before) * factor / seconds;
  return styled(value > 0 ? "bold" : "dim", rateText(value));
}

/** Packets and bytes with their rates, for a route. */
function routeCells(
  before: RouteCounters | undefined,
  after: RouteCounters,
  seconds: number | null,
): Inline[] {
  return [
    countText(after.packets),
    rate(before?.packets, after.packets, seconds),
    countText(after.bytes),
    rate(before?.bytes, after.bytes, seconds, 8),
  ];
}

const routeHeads = [right("PACKETS"), right("/s"), right("BYTES"), right("bit/s")];

function flowTable(
  earlier: LbCounters | null,
  later: LbCounters,
  seconds: number | null,
): Block[] {
  const old = new Map(earlier?.vips.map((vip) => [vipId(vip), vip]));
  return table(
    [
      { title: "VIP", wrap: 23 },
      { title: "ADDRESS", spare: 3 },
      { title: "PORT", spare: 2 },
      right("NEXT"),
      right("/s"),
      right("FIRST"),
      spare("/s"),
      spare("UNTRACKED"),
      spare("/s"),
      right("NO SERVER"),
      spare("/s"),
    ],
    later.vips.map((vip) => {
      const before = old.get(vipId(vip));
      return [
        vipName(vip.frontend),
        address(vip.prefix),
        portText(vip.protocol, vip.port),
        countText(vip.next),
        rate(before?.next, vip.next, seconds),
        countText(vip.first),
        rate(before?.first, vip.first, seconds),
        countText(vip.untracked),
        rate(before?.untracked, vip.untracked, seconds),
        styled(vip.no_server > 0 ? "red" : null, countText(vip.no_server)),
        rate(before?.no_server, vip.no_server, seconds),
      ];
    }),
  );
}

/** One row for a prefix, because VPP counts its route for all VIPs of it together. */
function prefixTable(
  earlier: LbCounters | null,
  later: LbCounters,
  seconds: number | null,
): Block[] {
  const old = new Map(earlier?.vips.map((vip) => [vip.prefix, vip]));
  const prefixes = Map.groupBy(later.vips, (vip) => vip.prefix);
  return table(
    [{ title: "TO" }, ...routeHeads, { title: "SHARED BY", wrap: 20, spare: 1 }],
    [...prefixes].map(([prefix, vips]) => [
      address(prefix),
      ...(vips[0] === undefined ? [] : routeCells(old.get(prefix), vips[0], seconds)),
      styled("dim", vips.map((vip) => vip.frontend ?? "(foreign)").join(", ")),
    ]),
  );
}

function serverTable(
  earlier: LbCounters | null,
  later: LbCounters,
  seconds: number | null,
): Block[] {
  const old = new Map(earlier?.servers.map((server) => [server.address, server]));
  return table(
    [
      { title: "SERVER", wrap: 23 },
      { title: "ADDRESS", spare: 1 },
      ...routeHeads,
      { title: "SUMMED OVER", wrap: 20, spare: 1 },
    ],
    later.servers.map((server) => [
      server.backend ?? styled("yellow", "(unknown)"),
      server.address,
      ...routeCells(old.get(server.address), server, seconds),
      styled("dim", server.vips.map((vip) => vip.frontend ?? address(vip.prefix)).join(", ")),
    ]),
  );
}

/**
 * `show vpp lb counters`.
 *
 * @param earlier an earlier read to make rates of, or null
 */
export function countersLines(earlier: LbCounters | null, later: LbCounters, view: View): Block[] {
  if (later.read_at === null) return [line("no counters were read yet (is a stats socket configured?)")];
  const seconds = secondsBetween(earlier, later);
  return [
    line(
      `read ${agoText(later.read_at, view.now)} ago; `,
      seconds === null ? "rates need a second read" : `rates over ${seconds.toFixed(1)} s`,
    ),
    [],
    ...flowTable(earlier, later, seconds),
    [],
    ...prefixTable(earlier, later, seconds),
    [],
    ...serverTable(earlier, later, seconds),
    [],
    line("packets to a VIP's address on a port that no VIP has: ", countText(later.unmatched)),
  ];
}

import type { LbCounters } from "../../api.ts";
import type { View } from "../context.ts";
import { table } from "../table.ts";
import { type Inline, type Line, line, styled } from "../text.ts";
import { agoText, countText, rateText } from "../units.ts";
import { portText, vipName } from "./style.ts";

type VipCounters = LbCounters["vips"][number];
type ServerCounters = LbCounters["servers"][number];

const vipId = (vip: Pick<VipCounters, "prefix" | "protocol" | "port">) =>
  `${vip.prefix} ${vip.protocol} ${vip.port}`;

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

/**
 * `show vpp lb counters`.
 *
 * @param earlier an earlier read to make rates from, or null
 */
export function countersLines(earlier: LbCounters | null, later: LbCounters, view: View): Line[] {
  if (later.read_at === null) return [line("no counters were read yet (is a stats socket configured?)")];
  const seconds = secondsBetween(earlier, later);
  const oldVips = new Map(earlier?.vips.map((vip) => [vipId(vip), vip]));
  const oldServers = new Map(earlier?.servers.map((server) => [server.address, server]));
  const number = (title: string) => ({ title, align: "right" as const });
  const packetsPerSecond = (
    before: VipCounters | ServerCounters | undefined,
    after: typeof later.servers[0],
  ) => rate(before?.packets, after.packets, seconds);
  return [
    line(
      `read ${agoText(later.read_at, view.now)} ago; `,
      seconds === null ? "rates need a second read" : `rates over ${seconds.toFixed(1)} s`,
    ),
    [],
    ...table(
      [
        { title: "VIP" },
        { title: "ADDRESS" },
        { title: "PORT" },
        number("NEXT"),
        number("/s"),
        number("FIRST"),
        number("/s"),
        number("UNTRACKED"),
        number("NO SERVER"),
        number("/s"),
        number("PACKETS"),
        number("/s"),
        number("BYTES"),
        number("bit/s"),
      ],
      later.vips.map((vip) => {
        const old = oldVips.get(vipId(vip));
        return [
          vipName(vip.frontend),
          vip.prefix.replace(/\/(32|128)$/, ""),
          portText(vip.protocol, vip.port),
          countText(vip.next),
          rate(old?.next, vip.next, seconds),
          countText(vip.first),
          rate(old?.first, vip.first, seconds),
          countText(vip.untracked),
          styled(vip.no_server > 0 ? "red" : null, countText(vip.no_server)),
          rate(old?.no_server, vip.no_server, seconds),
          countText(vip.packets),
          rate(old?.packets, vip.packets, seconds),
          countText(vip.bytes),
          rate(old?.bytes, vip.bytes, seconds, 8),
        ];
      }),
      view.width,
    ),
    [],
    ...table(
      [
        { title: "SERVER" },
        { title: "ADDRESS" },
        number("PACKETS"),
        number("/s"),
        number("BYTES"),
        number("bit/s"),
        { title: "SUMMED OVER", wrap: true },
      ],
      later.servers.map((server) => [
        server.backend ?? styled("yellow", "(unknown)"),
        server.address,
        countText(server.packets),
        packetsPerSecond(oldServers.get(server.address), server),
        countText(server.bytes),
        rate(oldServers.get(server.address)?.bytes, server.bytes, seconds, 8),
        styled("dim", server.vips.map((vip) => vip.frontend ?? vip.prefix).join(", ")),
      ]),
      view.width,
    ),
    [],
    line("packets to a VIP's address on a port that no VIP has: ", countText(later.unmatched)),
  ];
}

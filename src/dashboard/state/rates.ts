/**
 * Packets a second, from VPP's own counters. Pure.
 *
 * @module
 */
import type { LbCounters } from "../../api/mod.ts";
import type { Model, Rate } from "./model.ts";

/** Points of a rate that are kept. */
const rateLimit = 120;

/** A read of counters: rates are differences to the read before. */
export function withCounters(model: Model, counters: LbCounters): Model {
  const before = model.counters;
  if (counters.read_at === null) {
    return { ...model, counters, rates: new Map() };
  }
  if (before?.read_at === counters.read_at) return model;
  const at = Date.parse(counters.read_at) / 1000;
  const passed = before?.read_at == null ? 0 : at - Date.parse(before.read_at) / 1000;
  const rates = new Map<string, Rate>();
  const add = (key: string, was: number | undefined, is: number) => {
    // Counters begin anew with VPP.
    const rate = was === undefined || passed <= 0 || is < was ? null : (is - was) / passed;
    const past = model.rates.get(key)?.past ?? [];
    rates.set(key, {
      now: rate,
      past: rate === null ? past : [...past, [at, rate] as const].slice(-rateLimit),
    });
  };
  const vipPackets = (vip: LbCounters["vips"][number]) =>
    vip.next + vip.first + vip.untracked + vip.no_server;
  for (const vip of counters.vips) {
    const was = before?.vips.find((one) =>
      one.prefix === vip.prefix && one.port === vip.port &&
      one.protocol === vip.protocol
    );
    if (vip.frontend !== null) {
      add(
        `vip ${vip.frontend}`,
        was === undefined ? undefined : vipPackets(was),
        vipPackets(vip),
      );
    }
  }
  for (const server of counters.servers) {
    add(
      `server ${server.address}`,
      before?.servers.find(({ address }) => address === server.address)
        ?.packets,
      server.packets,
    );
  }
  return { ...model, counters, rates };
}

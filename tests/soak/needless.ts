/**
 * Messages that change nothing. VPP holds its workers for every change of a VIP, so one that asks for what VPP
 * has already is a pause of forwarding for nothing.
 *
 * @module
 */
import type { ReceivedRequest } from "../../src/simulator/faults.ts";
import { lbPrefixOf, octetsOf } from "../../src/simulator/address.ts";
import type { Body, LbPlugin } from "../../src/simulator/lbplugin.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { FLAG_USED, rowOf, type ServerRow, type Vip } from "../../src/simulator/vip.ts";

type Service = { readonly pfx: string; readonly protocol: number; readonly port: number };

function vipOf(lb: LbPlugin, { pfx, protocol, port }: Service): Vip | undefined {
  return lb.find(lbPrefixOf(pfx), port === 0 ? 255 : protocol, port);
}

function serverOf(lb: LbPlugin, body: Body<"lb_add_del_as_v2"> | Body<"lb_as_set_weight">): ServerRow | null {
  const vip = vipOf(lb, body);
  const row = vip === undefined ? undefined : rowOf(vip, octetsOf(body.as_address));
  return row === undefined || (row.flags & FLAG_USED) === 0 ? null : row;
}

/** Why a request would change nothing in a VPP as it is now; null: it would, or it asks for no change. */
export function whyNeedless(lb: LbPlugin, { name, body }: ReceivedRequest): string | null {
  switch (name) {
    case "lb_conf": {
      const { conf } = lb;
      const wanted = body as Body<"lb_conf">;
      const same = wanted.ip4_src_address === conf.ip4_src_address &&
        wanted.ip6_src_address === conf.ip6_src_address && wanted.flow_timeout === conf.flow_timeout &&
        wanted.sticky_buckets_per_core === conf.sticky_buckets_per_core;
      return same ? "VPP has this configuration" : null;
    }
    case "lb_add_del_vip_v2": {
      const wanted = body as Body<"lb_add_del_vip_v2">;
      const there = vipOf(lb, wanted) !== undefined;
      if (there !== wanted.is_del) return `the VIP is ${there ? "there" : "not there"}`;
      return null;
    }
    case "lb_flush_vip":
      return vipOf(lb, body as Body<"lb_flush_vip">) === undefined ? "the VIP is not there" : null;
    case "lb_add_del_as_v2": {
      const wanted = body as Body<"lb_add_del_as_v2">;
      const there = serverOf(lb, wanted) !== null;
      if (there !== wanted.is_del) return `the server is ${there ? "there" : "not there"}`;
      return null;
    }
    case "lb_as_set_weight": {
      const wanted = body as Body<"lb_as_set_weight">;
      const server = serverOf(lb, wanted);
      if (server === null) return "the server is not there";
      return server.weight === wanted.weight && !wanted.is_flush ? `the weight is ${server.weight}` : null;
    }
  }
  return null;
}

/** Looks at every request before the simulated VPP carries it out, and keeps those that change nothing. */
export class NeedlessChanges implements Disposable {
  /** One sentence each. */
  readonly found: string[] = [];
  readonly #watch: Disposable;

  /** Looks from now on, over restarts of the simulated VPP too. Put it in force before any fault that strikes. */
  constructor(simulator: Simulator) {
    this.#watch = simulator.faults.add({
      on: (request) => {
        const why = simulator.death === null ? whyNeedless(simulator.vpp.lb, request) : null;
        if (why !== null) this.found.push(`${request.name} ${JSON.stringify(request.body)}: ${why}`);
        return false;
      },
      outcome: { kind: "ignore" },
    });
  }

  /** Stops looking. */
  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}

/**
 * What the API tells of VPP: its state and counters, the plan of a sync, and the new-flow tables.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import type { Refusal, TableQuery } from "../control.ts";
import { desiredVips } from "../lb/desired.ts";
import type { PlanView } from "../lb/outcome.ts";
import { planAnswer } from "../lb/report.ts";
import { whereis } from "../answers/whereis.ts";
import { TableSlices } from "../answers/vip_table.ts";
import { predict, predictionLimitMs } from "../answers/prediction.ts";
import { tableView } from "../answers/table.ts";
import { frontendVip } from "../lb/vips.ts";
import type { ActualLb, IpAddress, Millis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import type { Config } from "../configuration.ts";
import { countersView, lbStateView, Names, vppInfoView } from "../snapshot/vpp.ts";
import { type ControlParts, missing } from "./control_parts.ts";

/** Names, and what they were made of. */
interface KnownNames {
  readonly config: Config;
  readonly previous: ReadonlyMap<string, IpAddress>;
  readonly names: Names;
}

/** Answers questions about VPP. */
export class ControlVpp {
  readonly #parts: ControlParts;
  readonly #slices: TableSlices;
  /** Answers to those who ask together are made once. */
  readonly #states = new WeakMap<ActualLb, api.LbState>();
  readonly #plans = new WeakMap<PlanView, Promise<api.Plan>>();
  #lastNames: KnownNames | null = null;

  /** Answers from `parts`. */
  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.#slices = new TableSlices(parts.clock);
  }

  /** The new-flow table of a frontend, as it is or under assumptions. */
  async table(name: string, query: TableQuery): Promise<Result<api.Table, Refusal>> {
    const { reconciler, tracker } = this.#parts;
    const { config } = tracker;
    const frontend = config.frontends.get(name);
    if (frontend === undefined) return err(missing("frontend", name));
    const status = (backend: string) => tracker.status(backend);
    return await tableView(
      { config, frontend, status, servers: reconciler.view.servers, actual: reconciler.view.vip(name) },
      query,
      this.#slices,
    );
  }

  /** Which server a client's new flow gets. */
  async whereis(
    name: string,
    client: string,
    clientPort: number | null,
  ): Promise<Result<api.Whereis, Refusal>> {
    const { reconciler, tracker } = this.#parts;
    const { config } = tracker;
    const frontend = config.frontends.get(name);
    if (frontend === undefined) return err(missing("frontend", name));
    const actual = reconciler.view.vip(name);
    const vip = frontendVip(frontend);
    const names = this.#names();
    const status = (backend: string) => tracker.status(backend);
    const [desired] = desiredVips(config, status, reconciler.view.servers, [name]);
    if (desired === undefined) return err(missing("frontend", name));
    const input = {
      frontend,
      desired,
      actual,
      backendOf: (address: IpAddress) => names.server(vip, address) ?? names.backend(address),
    };
    return await whereis(input, client, clientPort, this.#slices);
  }

  /** The connected VPP. */
  info(): Result<api.VppInfo, Refusal> {
    const { link } = this.#parts;
    const info = link.info;
    if (info === null) return err(this.#unavailable());
    return ok(vppInfoView(info));
  }

  /** Reads VPP now, after what was due has been sent. */
  async state(frontend: string | null): Promise<Result<api.LbState, Refusal>> {
    const { link, reconciler, tracker } = this.#parts;
    if (frontend !== null && !tracker.config.frontends.has(frontend)) {
      return err(missing("frontend", frontend));
    }
    if (link.lb === null) return err(this.#unavailable());
    const reading = await reconciler.read(frontend);
    if (!reading.ok) return reading;
    const { conf, readAt, vips } = reading.value;
    const made = this.#states.get(reading.value) ?? lbStateView(readAt, conf, vips, this.#names());
    this.#states.set(reading.value, made);
    return ok(made);
  }

  /** Counters as last read. */
  counters(): Result<api.LbCounters, Refusal> {
    const { link } = this.#parts;
    if (link.state !== "connected") return err(this.#unavailable());
    return ok(countersView(link.counts, this.#names()));
  }

  /** What a sync would do now, and why. */
  async plan(frontend: string | null): Promise<Result<api.Plan, Refusal>> {
    const { clock, reconciler } = this.#parts;
    const deadline = clock.now() + predictionLimitMs;
    const planned = await reconciler.plan(frontend);
    if (!planned.ok) return planned;
    const made = this.#plans.get(planned.value) ?? this.#answer(planned.value, frontend, deadline);
    this.#plans.set(planned.value, made);
    return ok(await made);
  }

  async #answer(planned: PlanView, frontend: string | null, deadline: Millis): Promise<api.Plan> {
    return planAnswer(planned, frontend, await predict(planned, this.#slices, deadline));
  }

  /** Names of the running configuration; made anew when it is another one, or another server serves for a backend. */
  #names(): Names {
    const { config } = this.#parts.tracker;
    const previous = this.#parts.tracker.previousAddresses();
    const last = this.#lastNames;
    const isSame = last !== null && last.config === config && last.previous.size === previous.size &&
      [...previous].every(([name, address]) => last.previous.get(name) === address);
    if (isSame) return last.names;
    const names = new Names(config, previous);
    this.#lastNames = { config, previous, names };
    return names;
  }

  #unavailable(): Refusal {
    const { link } = this.#parts;
    if (link.state === "off") {
      return { type: "vpp-unavailable", detail: "VPP is switched off: no API socket is configured" };
    }
    return { type: "vpp-unavailable", detail: `VPP is not connected: ${link.reason}` };
  }
}

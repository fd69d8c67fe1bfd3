/**
 * Backends and the running configuration judged with what is known of VPP.
 *
 * @module
 */
import type { Config, IpAddress } from "../model.ts";
import type { BackendHealth, Flows } from "./backend.ts";
import type { BatchWorld } from "./batch.ts";
import { type FrontendWeights, frontendWeights, type MemberStatus } from "./frontend.ts";
import type { VppFacts } from "./hooks.ts";

/** Answers for the configuration and the backends of the moment. */
export class Judgement implements BatchWorld {
  readonly #vpp: VppFacts;
  readonly #running: () => Config;
  readonly #entry: (backend: string) => { readonly health: BackendHealth } | undefined;

  /** Judges what these functions answer. */
  constructor(
    vpp: VppFacts,
    running: () => Config,
    entry: (backend: string) => { readonly health: BackendHealth } | undefined,
  ) {
    this.#vpp = vpp;
    this.#running = running;
    this.#entry = entry;
  }

  /** Whether VPP is here and was read since it came. */
  get isRead(): boolean {
    return this.#vpp.isRead;
  }

  /** What weights depend on, of one backend; a name that is not configured counts as `removed`. */
  status(backend: string): MemberStatus {
    return this.#entry(backend)?.health ?? { state: "removed", known: true };
  }

  /** A frontend of the running configuration, judged now; null if there is none of that name. */
  weights(name: string): FrontendWeights | null {
    const frontend = this.#running().frontends.get(name);
    if (frontend === undefined) return null;
    return frontendWeights(frontend, {
      status: (backend) => this.status(backend),
      address: (backend) => this.#address(backend),
      witness: (address) => this.#vpp.witness(frontend, address),
      inVpp: (address) => this.#vpp.weight(frontend, address),
    });
  }

  /** Whether backends of this frontend that go down have their flows flushed. */
  flushOnDown(frontend: string): boolean {
    return this.#running().frontends.get(frontend)?.flushOnDown ?? false;
  }

  /**
   * Weight that VPP is known to have for a backend's server on a frontend's VIP; null: none, or not known. A verdict on
   * a new address ends the flows of the previous server and of the new one, so the greater weight counts.
   */
  inVpp(name: string, backend: string): number | null {
    const frontend = this.#running().frontends.get(name);
    if (frontend === undefined) return null;
    const previous = this.#entry(backend)?.health.previous?.address;
    const servers = [this.#address(backend), previous ?? null].filter((address) => address !== null);
    const weights = servers.map((address) => this.#vpp.weight(frontend, address)).filter((w) => w !== null);
    return weights.length === 0 ? null : Math.max(...weights);
  }

  /** What is known of the flows of a server that the configuration brings. */
  flows(address: IpAddress): Flows {
    if (this.#vpp.firstRead === "awaited") return "not-read";
    return this.#vpp.firstRead === "done" && this.#vpp.hadWeight(address) ? "possible" : "none";
  }

  #address(backend: string): IpAddress | null {
    return this.#running().backends.get(backend)?.address ?? null;
  }
}

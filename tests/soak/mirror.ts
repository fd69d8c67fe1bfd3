import type { BackendEvent, FrontendEvent, FState, Link, State, VppEvent } from "../../src/api/mod.ts";
import type { SseFrame } from "../../src/sse.ts";

/** How a frontend stands. */
export interface FrontendStanding {
  /** State of the frontend. */
  readonly state: FState;
  /** Pool that carries it. */
  readonly pool: string;
}

/**
 * What a subscriber of `GET /v1/events` knows of the daemon from events alone. A subscriber that was not told of
 * a change would believe something wrong for good, so every event must go on from what the last one left.
 */
export class EventMirror {
  /** State of each backend that an event named. */
  readonly backends: Map<string, State> = new Map();
  /** Standing of each frontend that an event named; removed ones stay, nothing tells of them. */
  readonly frontends: Map<string, FrontendStanding> = new Map();
  /** How the daemon stands to VPP. */
  vpp: Link = "off";
  /** Id of the newest frame, for `Last-Event-ID`. */
  lastId = "";
  /** Why the daemon cut this subscriber off; null: it did not. */
  dropped: string | null = null;
  /** Events that do not go on from what was known, as sentences. */
  readonly gaps: string[] = [];

  /** Takes one frame of the stream. Throws SyntaxError for data that is no JSON. */
  take({ event, id, data }: SseFrame): void {
    this.#count(id);
    const body: unknown = JSON.parse(data);
    switch (event) {
      case "backend":
        return this.#backend(body as BackendEvent);
      case "frontend":
        return this.#frontend(body as FrontendEvent);
      case "vpp":
        this.vpp = (body as VppEvent).to;
        return;
      case "dropped":
        this.dropped = (body as { reason: string }).reason;
        return;
      case "resync":
        this.backends.clear();
        this.frontends.clear();
    }
  }

  /** Numbers of one run of the daemon never go back. */
  #count(id: string): void {
    const [epoch, seq] = id.split("-");
    const [lastEpoch, lastSeq] = this.lastId.split("-");
    if (epoch === lastEpoch && Number(seq) < Number(lastSeq)) this.gaps.push(`id ${id} after ${this.lastId}`);
    this.lastId = id;
  }

  #backend({ backend, synthetic, transition: { from, to, code } }: BackendEvent): void {
    const known = this.backends.get(backend);
    if (!synthetic && known !== undefined && known !== from) {
      this.gaps.push(
        `${this.lastId}: backend ${backend} went from ${from} to ${to} (${code}), but was ${known}`,
      );
    }
    if (to === "removed") this.backends.delete(backend);
    else this.backends.set(backend, to);
  }

  #frontend({ frontend, synthetic, from, to, active_pool: pool, reason }: FrontendEvent): void {
    const known = this.frontends.get(frontend)?.state;
    // A frontend that a reload takes away and another brings back begins anew.
    if (!synthetic && known !== undefined && known !== from && !reason.startsWith("reload")) {
      this.gaps.push(
        `${this.lastId}: frontend ${frontend} went from ${from} to ${to} (${reason}), but was ${known}`,
      );
    }
    this.frontends.set(frontend, { state: to, pool });
  }
}

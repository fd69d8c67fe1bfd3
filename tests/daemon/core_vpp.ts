/** The VPP of a random life: it is slow, refuses, reboots, and others write to it. */
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import type { Core } from "./core.ts";
import type { Watch } from "./core_watch.ts";

/** What a daemon is connected to, or not. */
export class LifeVpp {
  readonly #dice: () => number;
  readonly #watch: Watch;
  readonly #reconciler: () => Core["reconciler"];
  /** The VPP of the present session, or of the last one. */
  is = new FakeBalancer();
  /** Whether what is asked waits for `step` or `open`. */
  slow = false;
  /** Share of the messages that are refused. */
  refusing = 0;
  #connected = false;
  #gates: (() => void)[] = [];

  constructor(dice: () => number, watch: Watch, reconciler: () => Core["reconciler"]) {
    this.#dice = dice;
    this.#watch = watch;
    this.#reconciler = reconciler;
    this.#wire();
  }

  /** Another VPP, which has nothing. */
  async reboot(): Promise<void> {
    await this.away();
    const { bootTime } = this.is;
    this.is = new FakeBalancer();
    this.is.bootTime = bootTime + 1;
    this.#wire();
    this.back();
  }

  /** Answers one of those that wait. */
  step(): void {
    this.#gates.shift()?.();
  }

  /** Answers all that waits, and is fast from then on. */
  async answerAll(): Promise<void> {
    await this.open();
    this.slow = false;
    await this.open();
  }

  /** A VIP goes that nobody here deleted. */
  drop(at: number): void {
    const vip = this.is.vips[at % Math.max(1, this.is.vips.length)];
    if (vip !== undefined) this.is.drop(vip);
  }

  /** A session that is new, on the VPP that is there. */
  back(): void {
    if (this.#connected) return;
    const old = this.is;
    this.is = new FakeBalancer();
    this.is.bootTime = old.bootTime;
    this.is.conf = old.conf;
    for (const vip of old.vips) this.is.place(vip);
    this.#wire();
    this.#connected = true;
    this.#reconciler().connected(this.is);
  }

  /** The session ends. */
  async away(): Promise<void> {
    if (!this.#connected) return;
    this.#connected = false;
    this.is.end();
    this.#reconciler().disconnected();
    await this.open();
  }

  #wire(): void {
    const gate = () => this.slow ? new Promise<void>((open) => this.#gates.push(open)) : Promise.resolve();
    const vpp = this.is;
    vpp.gate = gate;
    vpp.readGate = gate;
    const readAll = vpp.readAll.bind(vpp);
    vpp.readAll = async () => {
      const lb = await readAll();
      this.#watch.read(lb);
      return lb;
    };
    vpp.fail = (op) => {
      if (vpp === this.is) this.#watch.check(op);
      return this.#dice() < this.refusing ? -1 : 0;
    };
  }

  /** Somebody else sets a weight, or takes a server away. */
  drift(at: number, weight: number | null): void {
    const servers = this.is.vips.flatMap((vip) => vip.servers.map(({ address }) => [vip, address] as const));
    const [vip, address] = servers[at % Math.max(1, servers.length)] ?? [];
    if (vip === undefined || address === undefined) return;
    this.is.poke(vip, address, weight);
    this.#watch.drift(vip, address);
  }

  /** Somebody else makes a VIP, where VPP lets him. */
  foreign(at: number): void {
    const prefix = `192.0.2.${1 + (at % 5)}/32`;
    const port = at % 7 === 0 ? 0 : 90 + (at % 3);
    const neighbours = this.is.vips.filter((vip) => vip.prefix === prefix);
    const fits = neighbours.every((vip) =>
      (vip.port === 0) === (port === 0) && vip.port !== port && vip.encap === "gre4"
    );
    if (!fits) return;
    this.is.place({
      prefix,
      protocol: port === 0 ? 255 : 6,
      port,
      encap: "gre4",
      srcIpSticky: false,
      tableLength: 1024,
      index: 1 + Math.max(0, ...this.is.vips.map((vip) => vip.index ?? 0)),
      servers: [{ address: ip("10.0.0.99"), weight: 5 }],
    });
  }

  /** Answers all that waits. */
  async open(): Promise<void> {
    for (let i = 0; i < 10_000 && this.#gates.length > 0; i++) {
      this.#gates.shift()?.();
      await settle();
    }
  }
}

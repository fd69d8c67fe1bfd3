import { setImmediate } from "node:timers";
import { systemClock } from "../../src/clock.ts";
import { authoritiesOf, pairOf, type UnitContents, unitKey } from "../../src/files/unit.ts";
import type { LeafCertificate, ProbeResult } from "../../src/model.ts";
import type { HealthCheck } from "../../src/configuration.ts";
import { Engine } from "../../src/probes/engine.ts";
import { Loop } from "../../src/probes/loop.ts";
import { Probes, type ProbesOptions } from "../../src/probes/probe.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { Reactor } from "../../src/probes/socket.ts";
import { TlsContents } from "../../src/probes/tls_contents.ts";
import { Reports } from "./helpers.ts";

/** The servers are on this thread, too, so it never waits in the kernel. */
const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

/** An engine on this thread, over real sockets and the machine's clock; it never blocks, as servers run here too. */
export class LocalProber implements AsyncDisposable {
  /** What it reported. */
  readonly reports: Reports = new Reports();
  /** Defects that probes ran into; a test that expects none should look. */
  readonly defects: unknown[] = [];
  /** Certificates that it told of, in their order. */
  readonly certificates: { backend: string; certificate: LeafCertificate }[] = [];
  /** The engine. */
  readonly engine: Engine;
  /** What the files of the checks hold; a target of `once` has its files read before it is probed. */
  readonly contents: TlsContents = new TlsContents((look) => this.look(look));
  /** Called for a look at the files; the default finds them as they were. */
  look: (look: number) => void = (look) => this.contents.looked(look);
  readonly #resources = new AsyncDisposableStack();
  readonly #begun: (() => void)[] = [];

  /** Starts it with nothing to probe. */
  constructor(limit = 1000, options: Omit<ProbesOptions, "certificate" | "contents"> = {}) {
    const clock = systemClock;
    const reactor = this.#resources.use(new Reactor());
    const probes = this.#resources.use(
      new Probes(reactor, {
        certificate: ({ backend }, certificate) => this.certificates.push({ backend, certificate }),
        contents: this.contents,
        ...options,
      }),
    );
    const engine = this.#resources.use(
      new Engine({
        clock,
        random: () => 0.5,
        version: "test",
        limit,
        limited: () => {},
        machine: (attempt) => probes.machine(attempt),
        dropped: (plan) => probes.dropped(plan),
        review: (plan, found) => probes.review(plan, found),
        drain: () => reactor.wait(0),
        flush: (now) => probes.flush(now),
        changed: () => {},
        begin: () => this.#begun.splice(0).forEach((resolve) => resolve()),
        report: ({ backend, generation }, result, nextDueAt) =>
          this.reports.sink([{ backend, generation, result, nextDueAt }]),
        defect: (error) => this.defects.push(error),
      }),
    );
    this.engine = engine;
    this.#resources.use(
      new Loop({
        clock,
        reactor,
        engine,
        expects: () => "message",
        turn: pause,
        passed: () => {},
        stopped: () => false,
      }),
    );
  }

  /** Probes a target once and returns the result. */
  async once(target: ProbeTarget): Promise<ProbeResult> {
    const count = this.reports.of(target.backend).length + 1;
    this.contents.take(await readFiles(target.check), []);
    // The interval is long, so that one probe is all that happens before the target is stopped.
    this.engine.start([{ ...target, intervalMs: 3_600_000 }]);
    const { result } = await this.reports.next(target.backend, count);
    this.engine.stop([target.backend]);
    if (this.defects.length > 0) throw this.defects[0];
    return result;
  }

  /** Waits until the next probe has begun and is on its way. */
  async begun(): Promise<void> {
    await new Promise<void>((resolve) => this.#begun.push(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Stops everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

let revision = 0;

/** The files that a check names, as they are now; without those that are not there. */
export async function readFiles(check: HealthCheck): Promise<UnitContents[]> {
  const tls = check.params?.tls ?? null;
  const units = tls === null ? [] : [authoritiesOf(tls), pairOf(tls)];
  const contents: UnitContents[] = [];
  for (const unit of units) {
    if (unit === null) continue;
    const texts = await Promise.all(unit.paths.map((path) => Deno.readTextFile(path).catch(() => null)));
    const there = texts.filter((text) => text !== null);
    if (there.length === texts.length) {
      contents.push({ key: unitKey(unit), revision: ++revision, texts: there });
    }
  }
  return contents;
}

/** Probes a target once on an engine of its own. */
export async function probeOnce(target: ProbeTarget): Promise<ProbeResult> {
  await using prober = new LocalProber();
  return await prober.once(target);
}

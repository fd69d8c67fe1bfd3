/**
 * The fleet's store with the certificates and the password that are in use: a client of etcd that is made anew when
 * one of its files has changed.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { certificateIn } from "../files/judge.ts";
import { authoritiesOf, type FileUnit, pairOf, type UnitContents, unitKey } from "../files/unit.ts";
import { Etcd } from "../fleet/etcd.ts";
import type {
  Compared,
  KeyValue,
  Listing,
  Revision,
  Store,
  StoreHead,
  WatchEvent,
  Write,
} from "../fleet/store.ts";
import type { Millis } from "../model.ts";
import type { FleetSettings } from "../configuration.ts";

/** Time of one call of the store, in ms. */
const deadlineMs: Millis = 4_000;

/** A client of the store that follows its files. Disposal ends every call. */
export class FleetStore implements Store, Disposable {
  readonly #settings: FleetSettings;
  readonly #clock: Clock;
  readonly #units: readonly string[];
  readonly #texts = new Map<string, readonly string[]>();
  readonly #before = new Map<Etcd, Disposable>();
  #etcd: Etcd;

  /**
   * Connects when first asked.
   *
   * @param contents what the files hold that the configuration names
   */
  constructor(settings: FleetSettings, clock: Clock, contents: readonly UnitContents[]) {
    this.#settings = settings;
    this.#clock = clock;
    this.#units = [authoritiesOf(settings), pairOf(settings), secretOf(settings)].flatMap((unit) =>
      unit === null ? [] : [unitKey(unit)]
    );
    this.#remember(contents);
    this.#etcd = this.#connect();
  }

  /** Takes files with new contents. */
  files(contents: readonly UnitContents[]): void {
    if (!this.#remember(contents)) return;
    const before = this.#etcd;
    this.#etcd = this.#connect();
    // Calls under way may end; only a watch lives longer, and it begins again.
    this.#before.set(before, this.#clock.after(deadlineMs, () => this.#close(before)));
  }

  /** Keys under a prefix. */
  list(prefix: string): Promise<Listing> {
    return this.#etcd.list(prefix);
  }

  /** One key. */
  get(key: string): Promise<{ readonly head: StoreHead; readonly row: KeyValue | null }> {
    return this.#etcd.get(key);
  }

  /** Writes. */
  put(key: string, value: string, lease?: string): Promise<StoreHead> {
    return this.#etcd.put(key, value, lease);
  }

  /** Writes if the revision is as known. */
  compareAndWrite(key: string, known: Revision, write: Write): Promise<Compared> {
    return this.#etcd.compareAndWrite(key, known, write);
  }

  /** A lease. */
  grantLease(seconds: number): Promise<string> {
    return this.#etcd.grantLease(seconds);
  }

  /** Prolongs a lease. */
  keepLease(id: string): Promise<boolean> {
    return this.#etcd.keepLease(id);
  }

  /** Ends a lease. */
  revokeLease(id: string): Promise<void> {
    return this.#etcd.revokeLease(id);
  }

  /** Changes under a prefix. */
  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]> {
    return this.#etcd.watch(prefix, from, signal);
  }

  /** Ends every call. */
  [Symbol.dispose](): void {
    for (const client of [...this.#before.keys()]) this.#close(client);
    this.#etcd[Symbol.dispose]();
  }

  #close(client: Etcd): void {
    this.#before.get(client)?.[Symbol.dispose]();
    this.#before.delete(client);
    client[Symbol.dispose]();
  }

  #remember(contents: readonly UnitContents[]): boolean {
    const own = contents.filter(({ key }) => this.#units.includes(key));
    for (const { key, texts } of own) this.#texts.set(key, texts);
    return own.length > 0;
  }

  #connect(): Etcd {
    const { endpoints, username } = this.#settings;
    const text = (unit: FileUnit | null, at: number) =>
      unit === null ? null : this.#texts.get(unitKey(unit))?.[at] ?? null;
    const pair = pairOf(this.#settings);
    const ca = text(authoritiesOf(this.#settings), 0);
    const password = text(secretOf(this.#settings), 0);
    const cert = text(pair, 0);
    const own = cert === null ? null : certificateIn(cert);
    const until = own?.ok === true ? Date.parse(own.value.validTo) : null;
    const tls = ca === null && pair === null ? null : { ca, cert, key: text(pair, 1), until };
    const user = username === null || password === null
      ? null
      : { name: username, password: password.replace(/\r?\n$/, "") };
    return new Etcd({ endpoints, tls, user, deadlineMs, clock: this.#clock });
  }
}

function secretOf({ passwordFile }: FleetSettings): FileUnit | null {
  return passwordFile === null ? null : { kind: "secret", paths: [passwordFile] };
}

import type { IpAddress } from "../../src/model.ts";
import type { HealthCheck, HttpParams, TcpParams, TlsParams } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import type { ProbeReport, ProbeTarget } from "../../src/probes/prober.ts";

/** The parts of a check that all types share. */
export const common = {
  name: "check",
  intervalMs: 50,
  fastIntervalMs: 50,
  downIntervalMs: 50,
  timeoutMs: 5000,
  rise: 2,
  fall: 3,
  probeIpv4Src: null,
  probeIpv6Src: null,
} as const;

/** TLS settings with nothing given. */
export const noTls: TlsParams = {
  serverName: null,
  insecureSkipVerify: false,
  caFile: null,
  certFile: null,
  keyFile: null,
};

/** HTTP parameters with the defaults of the configuration. */
export const noParams: HttpParams = {
  path: "/",
  host: null,
  method: "GET",
  responseCode: "200-399",
  responseCodes: [{ from: 200, to: 399 }],
  responseRegexp: null,
  headers: {},
  tls: null,
};

type Common = Partial<
  { -readonly [K in Exclude<keyof HealthCheck, "type" | "port" | "params">]: HealthCheck[K] }
>;

/** A tcp check of `port`. */
export function tcpCheck(port: number, rest: Common & { tls?: TcpParams["tls"] } = {}): HealthCheck {
  const { tls = null, ...settings } = rest;
  return { ...common, ...settings, type: "tcp", port, params: { tls } };
}

/** An http check of `port`, or an https check if `params.tls` is given. */
export function httpCheck(port: number, params: Partial<HttpParams> = {}, rest: Common = {}): HealthCheck {
  const tls = params.tls ?? null;
  return {
    ...common,
    ...rest,
    type: tls === null ? "http" : "https",
    port,
    params: { ...noParams, ...params, tls },
  };
}

/** An icmp check. */
export function icmpCheck(rest: Common = {}): HealthCheck {
  return { ...common, ...rest, type: "icmp", port: null, params: null };
}

/** A target that is probed at once. */
export function target(backend: string, check: HealthCheck, rest: Partial<ProbeTarget> = {}): ProbeTarget {
  return {
    backend,
    generation: 1,
    address: ip("127.0.0.1"),
    check,
    netns: "",
    firstDelayMs: 0,
    intervalMs: check.intervalMs,
    ...rest,
  };
}

/** Loopback of each family. */
export const loopback: { readonly v4: IpAddress; readonly v6: IpAddress } = {
  v4: ip("127.0.0.1"),
  v6: ip("::1"),
};

/** Collects reports and lets a test wait for what it needs. */
export class Reports {
  /** All reports so far. */
  readonly all: ProbeReport[] = [];
  #waiting: { enough: (all: readonly ProbeReport[]) => boolean; resolve: () => void }[] = [];

  /** The sink to hand to a prober. */
  readonly sink = (reports: readonly ProbeReport[]): void => {
    this.all.push(...reports);
    this.#waiting = this.#waiting.filter(({ enough, resolve }) => {
      if (!enough(this.all)) return true;
      resolve();
      return false;
    });
  };

  /** Reports of one backend. */
  of(backend: string): ProbeReport[] {
    return this.all.filter((report) => report.backend === backend);
  }

  /** Waits until `enough` holds; rejects after half a minute, so that no test waits for ever. */
  until(enough: (all: readonly ProbeReport[]) => boolean): Promise<void> {
    if (enough(this.all)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("The reports did not come")), 30_000);
      this.#waiting.push({
        enough,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }

  /** Waits for the `count`-th report of a backend and returns it. */
  async next(backend: string, count = 1): Promise<ProbeReport> {
    await this.until(() => this.of(backend).length >= count);
    const report = this.of(backend)[count - 1];
    if (report === undefined) throw new Error(`No report ${count} of ${backend}`);
    return report;
  }
}

import { run } from "./needs.ts";

let count = 0;

/** A network namespace of its own name, deleted on disposal. Needs root and iproute2. */
export class Namespace implements Disposable {
  /** Its name under /var/run/netns. */
  readonly name = `mgp-${Deno.pid}-${count++}`;

  /** Makes it, with its loopback up. */
  constructor() {
    run("ip", "netns", "add", this.name);
    this.ip("link", "set", "lo", "up");
  }

  /** Runs `ip` inside. */
  ip(...args: string[]): void {
    run("ip", "-n", this.name, ...args);
  }

  /** Sets a sysctl inside, e.g. `net.ipv4.ip_forward`. */
  sysctl(key: string, value: string): void {
    run("ip", "netns", "exec", this.name, "sysctl", "-q", `${key}=${value}`);
  }

  /** Deletes it. */
  [Symbol.dispose](): void {
    if (run("ip", "netns", "list").split(/\s+/).includes(this.name)) run("ip", "netns", "del", this.name);
  }
}

/**
 * Two namespaces with a wire between them: a prober's (.1) and a router's (.2) on 198.18.77.0/24 and fd77::/64.
 * Addresses beyond the router: 198.18.78.0/24 and fd78::/64 vanish, 198.18.79.0/24 and fd79::/64 are unreachable.
 */
export class Network implements Disposable {
  /** Where the probes run. */
  readonly prober = new Namespace();
  /** Where the backends are. */
  readonly router = new Namespace();

  /** Makes both. */
  constructor() {
    const { prober, router } = this;
    prober.ip("link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", router.name);
    for (const [side, host] of [[prober, 1], [router, 2]] as const) {
      side.ip("addr", "add", `198.18.77.${host}/24`, "dev", "wire");
      side.ip("-6", "addr", "add", `fd77::${host}/64`, "dev", "wire", "nodad");
      side.ip("link", "set", "wire", "up");
    }
    router.sysctl("net.ipv4.ip_forward", "1");
    router.sysctl("net.ipv6.conf.all.forwarding", "1");
    for (const third of [78, 79]) {
      prober.ip("route", "add", `198.18.${third}.0/24`, "via", "198.18.77.2");
      prober.ip("-6", "route", "add", `fd${third}::/64`, "via", "fd77::2");
      const kind = third === 78 ? "blackhole" : "unreachable";
      router.ip("route", "add", kind, `198.18.${third}.0/24`);
      router.ip("-6", "route", "add", kind, `fd${third}::/64`);
    }
  }

  /** Deletes both. */
  [Symbol.dispose](): void {
    this.prober[Symbol.dispose]();
    this.router[Symbol.dispose]();
  }
}

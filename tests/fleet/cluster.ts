/** A cluster of real etcd members on loopback. */
import { unusedPort } from "../../src/demo/port.ts";
import type { Signed } from "../probes/pki.ts";

/** Why the tests of this folder are skipped; null: they are not. */
export const etcdLack: string | null = await (async () => {
  try {
    const { success } = await new Deno.Command("etcd", {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success ? null : "etcd does not start";
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return "etcd is not installed (Debian: etcd-server)";
  }
})();

/** One member: a process that can be stopped, continued, killed and started again on its data. */
export class Member {
  readonly #args: readonly string[];
  readonly #log: string;
  #child: Deno.ChildProcess | null = null;
  #ended = false;
  readonly #before: string;
  readonly url: string;

  /** `before`: shell commands that set the environment. */
  constructor(url: string, args: readonly string[], log: string, before = "") {
    this.#before = before;
    this.url = url;
    this.#args = args;
    this.#log = log;
  }

  /** Starts the process; does not wait for a leader. */
  start(): void {
    this.#ended = false;
    const child = new Deno.Command("sh", {
      args: ["-c", `${this.#before} exec etcd "$@" >>${this.#log} 2>&1`, "etcd", ...this.#args],
      stdin: "null",
    }).spawn();
    this.#child = child;
    child.status.then(() => {
      if (this.#child === child) this.#ended = true;
    });
  }

  /** Throws, with the end of its log, where it ended by itself. */
  mustRun(): void {
    if (!this.#ended) return;
    const log = Deno.readTextFileSync(this.#log).trimEnd().split("\n").slice(-5).join("\n");
    throw new Error(`the etcd of ${this.url} ended by itself:\n${log}`);
  }

  /** The same member for clients of another port only, so that those who know this one do not reach it. */
  elsewhere(): Member {
    const url = `http://127.0.0.1:${unusedPort()}`;
    return new Member(url, this.#args.map((arg) => arg === this.url ? url : arg), this.#log, this.#before);
  }

  signal(signal: Deno.Signal): void {
    this.#child?.kill(signal);
  }

  /** Ends the process at once: a member without quorum ignores SIGTERM. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    if (!this.#ended) child.kill("SIGKILL");
    await child.status;
  }
}

/** Options of a cluster. */
export interface ClusterOptions {
  readonly members?: number;
  /** More flags of each member. */
  readonly flags?: readonly string[];
  /** Clients come over TLS and show a certificate of `ca`. */
  readonly tls?: { readonly ca: string; readonly server: Signed; readonly client: Signed };
}

/** Members that form one store. */
export class Cluster implements AsyncDisposable {
  readonly members: readonly Member[];
  readonly folder: string;
  readonly #http: Deno.HttpClient;

  private constructor(folder: string, members: readonly Member[], tls: ClusterOptions["tls"]) {
    this.folder = folder;
    this.members = members;
    const read = Deno.readTextFileSync;
    this.#http = Deno.createHttpClient(
      tls === undefined
        ? {}
        : { caCerts: [read(tls.ca)], cert: read(tls.client.cert), key: read(tls.client.key) },
    );
  }

  get endpoints(): string[] {
    return this.members.map(({ url }) => url);
  }

  /** Starts a cluster and waits until it has a leader. */
  static async start({ flags = [], members: count = 1, tls }: ClusterOptions = {}): Promise<Cluster> {
    const folder = await Deno.makeTempDir({ prefix: "etcd-" });
    const places = Array.from({ length: count }, (_, i) => ({
      name: `m${i}`,
      client: `http${tls === undefined ? "" : "s"}://127.0.0.1:${unusedPort()}`,
      peer: `http://127.0.0.1:${unusedPort()}`,
    }));
    const initial = places.map(({ name, peer }) => `${name}=${peer}`).join(",");
    const secure = tls === undefined ? [] : [
      ...["--cert-file", tls.server.cert, "--key-file", tls.server.key],
      ...["--client-cert-auth", "--trusted-ca-file", tls.ca],
    ];
    const members = places.map(({ client, name, peer }) =>
      new Member(client, [
        ...["--name", name, "--data-dir", `${folder}/${name}`, "--initial-cluster", initial],
        ...["--initial-cluster-token", folder, "--initial-cluster-state", "new"],
        ...["--listen-client-urls", client, "--advertise-client-urls", client],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
        ...["--heartbeat-interval", "50", "--election-timeout", "500", "--logger", "zap"],
        ...secure,
        ...flags,
      ], `${folder}/${name}.log`)
    );
    const cluster = new Cluster(folder, members, tls);
    members.forEach((member) => member.start());
    await cluster.ready();
    return cluster;
  }

  /** What a member answers to a call of its gateway. */
  async ask(url: string, path: string, body: Record<string, unknown>): Promise<unknown> {
    const answer = await fetch(`${url}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      client: this.#http,
      signal: AbortSignal.timeout(1000),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Refused(text);
    return JSON.parse(text);
  }

  /** The member that leads. */
  async leader(): Promise<Member> {
    for (const member of this.members) {
      const status = await this.ask(member.url, "maintenance/status", {});
      const { header, leader } = status as { header: { member_id: string }; leader: string };
      if (header.member_id === leader) return member;
    }
    throw new Error("no member leads");
  }

  /** Runs etcdctl against the members. */
  async ctl(...args: string[]): Promise<void> {
    const { stderr, success } = await new Deno.Command("etcdctl", {
      args: ["--endpoints", this.endpoints.join(), ...args],
      env: { ETCDCTL_API: "3" },
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  }

  /** Makes users, with their passwords and the prefix that each may use, and asks for them from now on. */
  async users(users: Readonly<Record<string, { password: string; prefix: string }>>): Promise<void> {
    await this.ctl("user", "add", `root:${rootPassword}`);
    await this.ctl("user", "grant-role", "root", "root");
    for (const [name, { password, prefix }] of Object.entries(users)) {
      await this.ctl("role", "add", name);
      await this.ctl("role", "grant-permission", name, "--prefix=true", "readwrite", prefix);
      await this.ctl("user", "add", `${name}:${password}`);
      await this.ctl("user", "grant-role", name, name);
    }
    await this.ctl("auth", "enable");
  }

  /** Runs etcdctl as root of a store that asks for users. */
  async asRoot(...args: string[]): Promise<void> {
    await this.ctl("--user", `root:${rootPassword}`, ...args);
  }

  /** Waits until a write goes through some member. */
  async ready(members: readonly Member[] = this.members): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      for (const { url } of members) {
        try {
          await this.ask(url, "kv/put", { key: btoa("ready"), value: "" });
          return;
        } catch (error) {
          const isExpected = error instanceof TypeError || error instanceof DOMException ||
            error instanceof Refused;
          if (!isExpected) throw error;
        }
      }
      for (const member of members) member.mustRun();
      // Nothing tells when a member has joined: asking is the only way.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("the cluster has no leader after 30 s");
  }

  /** Ends all. Throws where a member had ended by itself: whatever the test saw, this is why. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const member of this.members) member.mustRun();
    } finally {
      await Promise.all(this.members.map((member) => member.kill()));
      this.#http.close();
      await Deno.remove(this.folder, { recursive: true });
    }
  }
}

/** A member answered with an error. */
class Refused extends Error {}

const rootPassword = "root-of-the-test";

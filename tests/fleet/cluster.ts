/** A cluster of real etcd members on loopback. */

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

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** One member: a process that can be stopped, continued, killed and started again on its data. */
export class Member {
  readonly #args: readonly string[];
  readonly #log: string;
  #child: Deno.ChildProcess | null = null;
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
    this.#child = new Deno.Command("sh", {
      args: ["-c", `${this.#before} exec etcd "$@" >>${this.#log} 2>&1`, "etcd", ...this.#args],
      stdin: "null",
    }).spawn();
  }

  /** The same member for clients of another port only, so that those who know this one do not reach it. */
  elsewhere(): Member {
    const url = `http://127.0.0.1:${freePort()}`;
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
    child.kill("SIGKILL");
    await child.status;
  }
}

/** Options of a cluster. */
export interface ClusterOptions {
  readonly members?: number;
  /** More flags of each member. */
  readonly flags?: readonly string[];
}

/** Members that form one store. */
export class Cluster implements AsyncDisposable {
  readonly members: readonly Member[];
  readonly folder: string;

  private constructor(folder: string, members: readonly Member[]) {
    this.folder = folder;
    this.members = members;
  }

  get endpoints(): string[] {
    return this.members.map(({ url }) => url);
  }

  /** Starts a cluster and waits until it has a leader. */
  static async start({ flags = [], members: count = 1 }: ClusterOptions = {}): Promise<Cluster> {
    const folder = await Deno.makeTempDir({ prefix: "etcd-" });
    const places = Array.from({ length: count }, (_, i) => ({
      name: `m${i}`,
      client: `http://127.0.0.1:${freePort()}`,
      peer: `http://127.0.0.1:${freePort()}`,
    }));
    const initial = places.map(({ name, peer }) => `${name}=${peer}`).join(",");
    const members = places.map(({ client, name, peer }) =>
      new Member(client, [
        ...["--name", name, "--data-dir", `${folder}/${name}`, "--initial-cluster", initial],
        ...["--initial-cluster-token", folder, "--initial-cluster-state", "new"],
        ...["--listen-client-urls", client, "--advertise-client-urls", client],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
        ...["--heartbeat-interval", "50", "--election-timeout", "500", "--logger", "zap", ...flags],
      ], `${folder}/${name}.log`)
    );
    const cluster = new Cluster(folder, members);
    members.forEach((member) => member.start());
    await cluster.ready();
    return cluster;
  }

  /** Waits until a write goes through some member. */
  async ready(members: readonly Member[] = this.members): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      for (const { url } of members) {
        try {
          const body = JSON.stringify({ key: btoa("ready"), value: "" });
          const answer = await fetch(`${url}/v3/kv/put`, {
            method: "POST",
            body,
            signal: AbortSignal.timeout(1000),
          });
          await answer.body?.cancel();
          if (answer.status === 200) return;
        } catch (error) {
          if (!(error instanceof TypeError) && !(error instanceof DOMException)) throw error;
        }
      }
      // Nothing tells when a member has joined: asking is the only way.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("the cluster has no leader after 30 s");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    await Deno.remove(this.folder, { recursive: true });
  }
}

import { lines } from "../../src/lines.ts";
import type { Segment } from "./netns.ts";

/** One line of a server's access log. */
export interface Access {
  /** Address that was asked. */
  readonly server: string;
  /** Address that asked. */
  readonly client: string;
  /** E.g. `GET /health HTTP/1.1`. */
  readonly request: string;
  readonly status: number;
  readonly agent: string;
}

/** An nginx in a network namespace, in a folder of its own; tells every line of its access log at once. */
export class Nginx implements AsyncDisposable {
  readonly #segment: Segment;
  readonly #folder: string;
  readonly #host: string;
  #child: Deno.ChildProcess | null = null;
  #pumps: Promise<unknown> = Promise.resolve();
  #arrived = Promise.withResolvers<void>();
  /** Everything in its access log so far. */
  readonly accesses: Access[] = [];
  /** Everything in its error log so far. */
  errors = "";

  private constructor(segment: Segment, host: string, folder: string) {
    this.#segment = segment;
    this.#host = host;
    this.#folder = folder;
  }

  /** Starts an nginx on port 80 of all addresses of `host`; its answers name the host in `X-Backend`. */
  static async start(segment: Segment, host: string): Promise<Nginx> {
    const folder = await Deno.makeTempDir({ prefix: "maglev-nginx-" });
    const nginx = new Nginx(segment, host, folder);
    await Deno.writeTextFile(`${folder}/nginx.conf`, configuration(host));
    nginx.start();
    return nginx;
  }

  /** Starts it again after `kill`. */
  start(): void {
    if (this.#child !== null) return;
    const options = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    const files = ["-p", this.#folder, "-c", "nginx.conf", "-e", "stderr"];
    const child = this.#segment.command(this.#host, "nginx", options, ...files).spawn();
    this.#child = child;
    this.#pumps = Promise.all([this.#readAccesses(child), this.#readErrors(child)]);
  }

  /** Ends it at once: the kernel answers for it from now on, with resets. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.kill("SIGKILL");
    await child.status;
    await this.#pumps;
  }

  /** Accesses to one of its addresses. */
  asked(server: string): Access[] {
    return this.accesses.filter((access) => access.server === server);
  }

  /** Resolves when `count` more requests to one of its addresses were answered. */
  async more(server: string, count: number): Promise<void> {
    const wanted = this.asked(server).length + count;
    while (this.asked(server).length < wanted) {
      if (this.#child === null) throw new Error(`${this.#host} does not run: ${this.errors}`);
      await this.#arrived.promise;
    }
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #readAccesses(child: Deno.ChildProcess): Promise<void> {
    for await (const line of lines(child.stdout)) {
      this.accesses.push(JSON.parse(line) as Access);
      this.#wake();
    }
    this.#wake();
  }

  async #readErrors(child: Deno.ChildProcess): Promise<void> {
    for await (const line of lines(child.stderr)) this.errors += `${line}\n`;
  }

  #wake(): void {
    const { resolve } = this.#arrived;
    this.#arrived = Promise.withResolvers();
    resolve();
  }
}

/** One process, so that killing it kills all of it. */
function configuration(host: string): string {
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
  ${folders.map((name) => `${name}_temp_path ${name};`).join("\n  ")}
  log_format json escape=json '{"server":"$server_addr","client":"$remote_addr","request":"$request",'
    '"status":$status,"agent":"$http_user_agent"}';
  access_log /dev/stdout json;
  server {
    listen 80;
    listen [::]:80;
    add_header X-Backend ${host} always;
    location / { return 200 "${host}\\n"; }
  }
}
`;
}

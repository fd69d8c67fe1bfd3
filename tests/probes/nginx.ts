import { unusedPort } from "../../src/demo/port.ts";

/** A real nginx with one configuration in a temporary folder, ended on disposal. */
export class Nginx implements AsyncDisposable {
  /** Ports by the names used in the configuration as `{name}`. */
  readonly ports: Readonly<Record<string, number>>;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;

  private constructor(folder: string, process: Deno.ChildProcess, ports: Record<string, number>) {
    this.#folder = folder;
    this.#process = process;
    this.ports = ports;
  }

  /**
   * Starts nginx with `http` as the content of its http block and waits until it listens.
   *
   * @param files content of files under the document root, which `{root}` stands for
   */
  static async start(
    http: string,
    names: readonly string[],
    files: Record<string, string> = {},
  ): Promise<Nginx> {
    const folder = await Deno.makeTempDir({ prefix: "mgp-nginx-" });
    const ports = Object.fromEntries(names.map((name) => [name, unusedPort()]));
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, content);
    }
    const filled = Object.entries(ports).reduce(
      (text, [name, port]) => text.replaceAll(`{${name}}`, `${port}`),
      http,
    );
    await Deno.writeTextFile(
      `${folder}/nginx.conf`,
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
      events { worker_connections 1024; }
      http { access_log ${folder}/access.log; client_body_temp_path ${folder}; proxy_temp_path ${folder};
      fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
      ${filled.replaceAll("{root}", folder)} }`,
    );
    const process = new Deno.Command("nginx", {
      args: ["-c", `${folder}/nginx.conf`, "-p", folder, "-e", `${folder}/error.log`],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const nginx = new Nginx(folder, process, ports);
    for (const port of Object.values(ports)) await listening(port);
    return nginx;
  }

  /** The port of a name. */
  port(name: string): number {
    const port = this.ports[name];
    if (port === undefined) throw new Error(`No port ${name}`);
    return port;
  }

  /** What nginx logged of its requests. */
  log(): Promise<string> {
    return this.file("access.log");
  }

  /** A file of its folder. */
  file(name: string): Promise<string> {
    return Deno.readTextFile(`${this.#folder}/${name}`);
  }

  /** Ends nginx and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error(`nginx does not listen on port ${port}`);
}

import assert from "node:assert/strict";
import type { Backend } from "../../src/api/mod.ts";
import { HaProxy } from "../probes/haproxy.ts";
import { noHaproxy, testWith } from "../probes/needs.ts";
import { ScriptedServer } from "../probes/servers.ts";
import { Inside } from "./inside.ts";

/** What a server answers, one character a probe: `+` 200, `-` 503, `x` closes without an answer. */
interface Pattern {
  readonly rise: number;
  readonly fall: number;
  readonly answers: string;
}

const PATTERNS: readonly Pattern[] = [
  { rise: 2, fall: 3, answers: "+++++" },
  { rise: 2, fall: 3, answers: "-----" },
  { rise: 2, fall: 3, answers: "+-+-+-+-+-+-" },
  { rise: 2, fall: 3, answers: "-+-+-+-+-+-+" },
  { rise: 10, fall: 100, answers: "+-+-+-+-+-+-" },
  { rise: 2, fall: 3, answers: "++---++" },
  { rise: 2, fall: 3, answers: "++--+--+---+" },
  { rise: 2, fall: 3, answers: "---+++---+-++" },
  { rise: 2, fall: 3, answers: "-+--++--+--+---" },
  { rise: 1, fall: 1, answers: "+-+-++--" },
  { rise: 1, fall: 3, answers: "--+--+---+" },
  { rise: 3, fall: 1, answers: "+++-++-+++-" },
  { rise: 3, fall: 2, answers: "-++-+++-+--+" },
  { rise: 5, fall: 2, answers: "--++++-+++++--" },
  { rise: 2, fall: 5, answers: "+----+-----++" },
  { rise: 4, fall: 4, answers: "+---+----+++-++++" },
  { rise: 2, fall: 3, answers: "x+x++xxx++" },
  { rise: 2, fall: 3, answers: "+x-x+-x++" },
  { rise: 1, fall: 2, answers: "-x+--+x-+" },
  { rise: 3, fall: 3, answers: "+++++++-+--+---+-++-+++" },
];

/** What a checker thinks of a server: up or not, and its counter. */
type Verdict = `${"up" | "down"} ${number}`;

/**
 * Answers the probes of every checker by the patterns. Before an answer the checker is asked what it made of the one
 * before, so each verdict belongs to exactly one answer, whatever the time.
 */
class Answers implements AsyncDisposable {
  readonly #server: ScriptedServer;
  readonly #ask: (checker: string, pattern: number, answered: number) => Promise<Verdict>;
  readonly #answered = new Map<string, number>();
  readonly #verdicts = new Map<string, Verdict[]>();
  readonly #done = Promise.withResolvers<void>();
  #left = PATTERNS.length * 2;

  constructor(ask: (checker: string, pattern: number, answered: number) => Promise<Verdict>) {
    this.#ask = ask;
    this.#server = new ScriptedServer(async (peer) => {
      const [, path = "", checker = "", pattern = ""] =
        /^GET (\/([a-z]+)\/(\d+)) /.exec(await peer.request()) ?? [];
      const answer = await this.#answer(path, checker, Number(pattern)).catch((error) =>
        this.#done.reject(error)
      );
      if (answer === "x") return;
      const status = answer === "+" ? "200 OK" : "503 Service Unavailable";
      await peer.send(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      await peer.closing();
    });
  }

  get port(): number {
    return this.#server.port;
  }

  /** Resolves when every checker has seen every answer. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  verdicts(checker: string, pattern: number): readonly Verdict[] {
    return this.#verdicts.get(`/${checker}/${pattern}`) ?? [];
  }

  /** The next answer, when it is known what came of the last one. */
  async #answer(path: string, checker: string, pattern: number): Promise<string> {
    const { answers } = PATTERNS[pattern] ?? { answers: "" };
    const answered = this.#answered.get(path) ?? 0;
    const verdicts = this.#verdicts.get(path) ?? [];
    this.#verdicts.set(path, verdicts);
    if (answered > 0 && verdicts.length < answers.length) {
      verdicts.push(await this.#ask(checker, pattern, answered));
      if (verdicts.length === answers.length && --this.#left === 0) this.#done.resolve();
    }
    this.#answered.set(path, answered + 1);
    return answers[answered] ?? "+";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

/** Asks HAProxy one question after the other: its socket refuses a connection while others wait. */
let asking: Promise<unknown> = Promise.resolve();

/** HAProxy's words about one of its servers. */
function haproxyVerdict(socket: string, pattern: number): Promise<Verdict> {
  const answer = asking.then(() => askHaproxy(socket, pattern));
  asking = answer.catch(() => {});
  return answer;
}

async function askHaproxy(socket: string, pattern: number): Promise<Verdict> {
  using connection = await Deno.connect({ transport: "unix", path: socket });
  await connection.write(new TextEncoder().encode("show stat\n"));
  const table = await new Response(connection.readable).text();
  const rows = table.split("\n").map((line) => line.split(","));
  const names = rows[0] ?? [];
  const row = rows.find((cells) => cells[0] === `p${pattern}` && cells[1] === "s") ?? [];
  const cell = (name: string) => row[names.indexOf(name)] ?? "";
  return `${cell("status").startsWith("UP") ? "up" : "down"} ${Number(cell("check_health"))}`;
}

/** maglevd's, once it has heard of so many results. */
async function maglevdVerdict(inside: Inside, pattern: number, answered: number): Promise<Verdict> {
  const name = `p${pattern}`;
  await inside.until(() => {
    const heard = inside.log.filter(({ msg, backend }) => msg === "probe-done" && backend === name).length;
    return heard >= answered ? true : undefined;
  }, `${answered} results of ${name}`);
  const { health, state } = await inside.json<Backend>(`/v1/backends/${name}`);
  return `${state === "up" ? "up" : "down"} ${health?.counter ?? -1}`;
}

function maglevConfig(port: number): string {
  const each = (line: (pattern: Pattern, at: number) => string) => PATTERNS.map(line).join("\n");
  return `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: 2001:db8::254 } }
  healthchecks:
${
    each(({ rise, fall }, at) =>
      `    c${at}: { type: http, port: ${port}, interval: 50ms, timeout: 20s, rise: ${rise}, fall: ${fall}, ` +
      `params: { path: /maglevd/${at}, response-code: "200" } }`
    )
  }
  backends:
${each((_, at) => `    p${at}: { address: 127.0.0.1, healthcheck: c${at} }`)}
  frontends:
${
    each((_, at) =>
      `    f${at}: { address: 198.51.100.${at + 1}, pools: [{ name: p, backends: { p${at}: {} } }] }`
    )
  }
`;
}

function haproxyConfig(port: number, socket: string): string {
  const backends = PATTERNS.map(({ rise, fall }, at) =>
    `backend p${at}
  option httpchk GET /haproxy/${at}
  http-check expect status 200
  timeout check 20s
  server s 127.0.0.1:${port} check inter 50ms rise ${rise} fall ${fall}`
  );
  return `global
  stats socket ${socket}
${backends.join("\n")}`;
}

testWith(
  [noHaproxy],
  "maglevd and HAProxy make the same of 20 patterns of answers, probe by probe",
  async () => {
    assert.equal(PATTERNS.length, 20);
    const folder = await Deno.makeTempDir();
    const socket = `${folder}/stats`;
    let inside: Inside | null = null;
    try {
      await using script = new Answers((checker, pattern, answered) => {
        if (checker === "haproxy") return haproxyVerdict(socket, pattern);
        if (inside === null) throw new Error("maglevd probes before it is there");
        return maglevdVerdict(inside, pattern, answered);
      });
      await using daemon = await Inside.start({
        config: maglevConfig(script.port),
        vpp: null,
        level: "debug",
      });
      inside = daemon;
      await using _haproxy = await HaProxy.start(haproxyConfig(script.port, socket), []);
      await script.done;
      const said = (checker: string) =>
        PATTERNS.map(({ answers }, at) => `${answers} ${script.verdicts(checker, at).join(", ")}`);
      assert.deepEqual(said("maglevd"), said("haproxy"));
      // The patterns would say little if they brought no server down.
      const downs = PATTERNS.filter((_, at) =>
        script.verdicts("haproxy", at).some((one) => one === "down 0")
      );
      assert.ok(downs.length >= 15, `${downs.length}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

import assert from "node:assert/strict";
import { moduleGraph } from "./module_graph.ts";

const root = new URL("../", import.meta.url).href;

/** Every arrow between two files of the project, as paths from its root. */
async function arrows(): Promise<{ from: string; to: string }[]> {
  const entries = ["main.ts", "src/cli/main.ts", "src/demo/main.ts", "src/simulator/main.ts", "src/serve.ts"]
    .concat(["src/dashboard/main.tsx", "src/memory/journal/thread.ts", "src/answers/problems.ts"])
    .concat(["src/answers/consequences.ts"])
    .concat(["etcd", "fleet", "overrides"].map((name) => `src/fleet/${name}.ts`));
  const found = new Map<string, { from: string; to: string }>();
  for (const entry of entries) {
    const graph = await moduleGraph(new URL(entry, root));
    for (const module of graph.modules) {
      for (const dependency of module.dependencies ?? []) {
        const target = dependency.code?.specifier ?? dependency.type?.specifier;
        if (target === undefined || !target.startsWith(root) || !module.specifier.startsWith(root)) continue;
        const arrow = { from: module.specifier.slice(root.length), to: target.slice(root.length) };
        found.set(`${arrow.from} ${arrow.to}`, arrow);
      }
    }
  }
  return [...found.values()];
}

/** Who may import what: for the first row whose `from` matches, every arrow's end must match `to`. */
const rules: readonly { why: string; from: RegExp; to: RegExp }[] = [
  { why: "the vocabulary imports nothing", from: /^src\/(model|result)\.ts$/, to: /^$/ },
  {
    why: "a configuration is made of the vocabulary",
    from: /^src\/configuration\.ts$/,
    to: /^src\/model\.ts$/,
  },
  {
    why: "what both sides of the API agree on is pure",
    from: /^src\/net\//,
    to: /^src\/(model|result)\.ts$|^src\/net\//,
  },
  { why: "unsafe code knows nothing of ours", from: /^ffi\//, to: /^ffi\// },
  {
    why: "helpers of waiting know time and nothing else of ours",
    from: /^src\/async\//,
    to: /^src\/(model|clock)\.ts$|^src\/async\//,
  },
  {
    why: "reading files knows nothing of what is in them",
    from: /^src\/files\//,
    to: /^src\/(model|configuration|result|clock)\.ts$|^src\/log\/mod\.ts$|^src\/files\/|^ffi\//,
  },
  {
    why: "the health core is pure",
    from: /^src\/health\/(backend|frontend|config|entry|latency|transitions|what_if)\.ts$/,
    to: /^src\/(model|configuration|result)\.ts$|^src\/health\/|^src\/memory\/overrides\//,
  },
  {
    why: "the plan is pure",
    from:
      /^src\/lb\/(desired|diff|pending_flushes|plan|steps|vip_steps|outcome|vpp_heap|schedule|table\/table|table\/flow)\.ts$/,
    to: /^src\/(model|configuration|result)\.ts$|^src\/net\/ip\.ts$|^src\/health\/frontend\.ts$|^src\/lb\//,
  },
  {
    why: "report.ts makes the API's shapes; who hands on the result of a sync names its type",
    from: /^src\/lb\/(?!(report|reconciler|parts)\.ts$)/,
    to: /^(?!src\/api\/)/,
  },
  {
    why: "what a client checks of the journal is what the daemon wrote",
    from: /^src\/chain\.ts$/,
    to: /^src\/api\//,
  },
  {
    why: "memory knows what is kept, and nothing of who wants it kept",
    from: /^src\/memory\//,
    to: /^src\/(model|result|clock|chain)\.ts$|^src\/(async|log|memory)\//,
  },
  {
    why: "the fleet knows its store and what nodes tell each other, and nothing of the daemon",
    from: /^src\/fleet\//,
    to: /^src\/(model|result|clock|lines)\.ts$|^src\/(async|fleet)\/|^src\/memory\/overrides\//,
  },
  {
    why: "other daemons are asked over HTTP, and their tokens are read as the other files of the API are",
    from: /^src\/peers\//,
    to: /^src\/(model|result|clock)\.ts$|^src\/(peers|async|net|api|config)\//,
  },
  {
    why: "the page knows the API's shapes and its stream",
    from: /^src\/dashboard\//,
    to: /^src\/(api|dashboard)\/|^src\/(sse|text)\.ts$/,
  },
  {
    why: "answers are functions over what is known",
    from: /^src\/answers\//,
    to:
      /^src\/(model|configuration|result|clock|control)\.ts$|^src\/net\/ip\.ts$|^src\/(answers|api|health|memory)\/|^src\/lb\/(plan|desired|forecast|outcome|report|steps|vips|table\/.*)\.ts$/,
  },
  {
    why: "routes see the daemon through its control only",
    from: /^routes\//,
    to:
      /^routes\/|^src\/(control|model|result|clock|version|flags)\.ts$|^src\/(net|config|api|log|bus|metrics|peers|dashboard\/generated)\/|^src\/files\/judge\.ts$/,
  },
  {
    why: "the client talks to the API and to nothing else of the daemon",
    from: /^src\/cli\//,
    to:
      /^src\/cli\/|^src\/api\/|^src\/async\/abortable_body\.ts$|^src\/(model|result|duration|version|command_line|sse|text|chain)\.ts$|^src\/net\/(http1|ip|isolate|loopback|local_token)\.ts$|^src\/config\/nearest\.ts$|^deno\.json$/,
  },
];

/** The only rooms that may touch unsafe code; the composition asks for the descriptors that are open. */
const ffiUsers =
  /^ffi\/|^src\/files\/|^src\/probes\/|^src\/vpp\/stats|^src\/vpp\/link|^src\/simulator\/|^src\/daemon\/(daemon|journal|listeners|notify|state_dir|upkeep)\.ts$/;

Deno.test("imports follow the arrows of docs/architecture.md", async () => {
  const all = await arrows();
  assert.ok(all.length > 50, "the module graph is there");
  const broken: string[] = [];
  for (const { from, to } of all) {
    const rule = rules.find((r) => r.from.test(from));
    if (rule !== undefined && !rule.to.test(to)) broken.push(`${from} -> ${to}: ${rule.why}`);
    if (to.startsWith("ffi/") && !ffiUsers.test(from)) {
      broken.push(`${from} -> ${to}: unsafe code stays in its room`);
    }
  }
  assert.deepEqual(broken, []);
});

/** A file's room: its folder, `ffi` and `routes`, or the file itself. The rules of overrides are a room of their own. */
function roomOf(file: string): string {
  const [first = "", second = "", third = ""] = file.split("/");
  if (first !== "src") return first;
  return second === "memory" && third === "overrides" ? "memory/overrides" : second;
}

/** What each room may import besides the vocabulary (model, configuration, result, clock, duration, lines, version) and itself. */
const rooms: Readonly<Record<string, string>> = {
  answers: "api control.ts health lb memory memory/overrides net",
  api: "",
  async: "",
  bus: "api async log",
  "chain.ts": "api",
  cli: "api async chain.ts command_line.ts config deno.json net sse.ts text.ts",
  "clock.ts": "",
  "command_line.ts": "config",
  config: "api files lb log net",
  "configuration.ts": "",
  "control.ts": "api",
  dashboard: "api sse.ts text.ts",
  demo: "api cli deno_flags.ts flags.ts sse.ts",
  "deno_flags.ts": "",
  "duration.ts": "",
  "environment.ts": "config flag_table.ts",
  ffi: "",
  files: "ffi log",
  "flag_table.ts": "",
  "flags.ts": "command_line.ts flag_table.ts log net",
  fleet: "async memory/overrides",
  health: "control.ts log memory/overrides probes",
  lb: "api async control.ts health log net",
  "lines.ts": "",
  log: "api",
  memory: "async chain.ts log memory/overrides net",
  "memory/overrides": "",
  metrics: "health lb probes",
  "model.ts": "",
  net: "",
  peers: "api async config net",
  probes: "async ffi files log net",
  "result.ts": "",
  routes: "api bus config control.ts dashboard files flags.ts log metrics net peers",
  simulator: "ffi lb net vpp",
  snapshot: "api health lb log memory memory/overrides vpp",
  "sse.ts": "",
  "text.ts": "",
  "version.ts": "deno.json",
  vpp: "ffi lb log net",
};
/** What puts the rooms together imports what it needs. */
const composition = new Set(["main.ts", "serve.ts", "daemon", "tasks"]);
const vocabulary = new Set(
  ["model", "configuration", "result", "clock", "duration", "lines", "version"].map((name) => `${name}.ts`),
);

/** Arrows between rooms, each with one of the imports that make it. */
async function roomArrows(): Promise<Map<string, Map<string, string>>> {
  const between = new Map<string, Map<string, string>>();
  for (const { from, to } of await arrows()) {
    const [one, other] = [roomOf(from), roomOf(to)];
    if (one === other || vocabulary.has(other)) continue;
    between.set(one, (between.get(one) ?? new Map()).set(other, `${from} -> ${to}`));
  }
  return between;
}

Deno.test("every room imports what its row says", async () => {
  const broken: string[] = [];
  for (const [room, others] of await roomArrows()) {
    if (composition.has(room)) continue;
    const allowed = rooms[room]?.split(" ");
    for (const [other, example] of others) {
      if (allowed === undefined) broken.push(`${room} has no row: ${example}`);
      else if (!allowed.includes(other)) broken.push(`${room}: ${example}`);
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("no room imports itself by way of others", async () => {
  const between = await roomArrows();
  const reach = (start: string) => {
    const found = new Set<string>();
    for (const open = [start]; open.length > 0;) {
      for (const next of between.get(open.pop() ?? "")?.keys() ?? []) {
        if (found.has(next)) continue;
        found.add(next);
        open.push(next);
      }
    }
    return found;
  };
  assert.deepEqual([...between.keys()].filter((room) => reach(room).has(room)), []);
});

Deno.test("no file imports itself by way of others", async () => {
  const next = Map.groupBy(await arrows(), ({ from }) => from);
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push([...path.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  assert.deepEqual(circles, []);
});

Deno.test("the client speaks HTTP and TLS by fetch, and node:tls is where no certificate is looked at", async () => {
  // Deno's node:tls and node:https believe a forged certificate of X.509 version 1 once they are given a CA.
  const users: string[] = [];
  for await (const file of walk(new URL("src/cli/", root))) {
    const text = await Deno.readTextFile(file);
    if (/node:(https?|tls|_tls)/.test(text.replaceAll(/^ ?\*.*$/gm, ""))) {
      users.push(file.href.slice(root.length));
    }
  }
  assert.deepEqual(users, ["src/cli/probe/any_certificate.ts"]);
  const text = await Deno.readTextFile(new URL(users[0] ?? "", root));
  assert.match(text, /rejectUnauthorized: false/);
  assert.doesNotMatch(text, /\bca\b:|authorization/i);
});

Deno.test("the probes' TLS is the system's OpenSSL and nothing else", async () => {
  const users: string[] = [];
  for await (const file of walk(new URL("src/probes/", root))) {
    if (/node:(https?|tls|_tls)|connectTls|startTls/.test(await Deno.readTextFile(file))) {
      users.push(file.pathname);
    }
  }
  assert.deepEqual(users, []);
});

Deno.test("no file outside ffi/ names a pointer", async () => {
  const offenders: string[] = [];
  for (const folder of ["src", "routes"]) {
    for await (const file of walk(new URL(`${folder}/`, root))) {
      if (/UnsafePointer|Deno\.dlopen/.test(await Deno.readTextFile(file))) offenders.push(file.pathname);
    }
  }
  assert.deepEqual(offenders, []);
});

async function* walk(folder: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(folder)) {
    const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory) yield* walk(url);
    else if (entry.name.endsWith(".ts")) yield url;
  }
}

// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * Half of 2,000 targets vanish in a black hole; the other half must not notice. Both in a network namespace of their
 * own, and nginx beyond a wire. Goal: no probe of the living half later than 20 ms beyond what it is without the
 * dead ones.
 *
 *   deno run -A tests/bench/probe_blackhole_bench.ts [seconds of each run, default 20]
 *
 * Needs root, iproute2 and nginx.
 *
 * @module
 */
import { httpCheck, tcpCheck } from "../probes/helpers.ts";
import { Namespace } from "../probes/namespaces.ts";
import { noNamespaces, noNginx, run } from "../probes/needs.ts";
import { measure, row } from "./probe_world.ts";

if (noNamespaces !== null || noNginx !== null) {
  console.log(`skipped: ${noNamespaces ?? noNginx}`);
  Deno.exit(0);
}
const seconds = Number(Deno.args[0] ?? 20);
using prober = new Namespace();
using servers = new Namespace();
prober.ip("link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", servers.name);
prober.ip("addr", "add", "198.18.77.1/24", "dev", "wire");
servers.ip("addr", "add", "198.18.77.2/24", "dev", "wire");
prober.ip("link", "set", "wire", "up");
servers.ip("link", "set", "wire", "up");
prober.ip("route", "add", "198.19.0.0/16", "via", "198.18.77.2");
// The living half stands on addresses of the servers' loopback, the dead half on a route that drops.
servers.ip("route", "add", "local", "198.19.0.0/17", "dev", "lo");
servers.ip("route", "add", "blackhole", "198.19.128.0/17");
run("ip", "netns", "exec", servers.name, "sysctl", "-q", "net.ipv4.ip_forward=1");

const folder = await Deno.makeTempDir();
await Deno.writeTextFile(
  `${folder}/nginx.conf`,
  `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/log; events { worker_connections 4096; }
  http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 8080 backlog=4096; location / { return 200 "well"; } } }`,
);
const nginx = new Deno.Command("ip", {
  args: [
    "netns",
    "exec",
    servers.name,
    "nginx",
    "-c",
    `${folder}/nginx.conf`,
    "-p",
    folder,
    "-e",
    `${folder}/log`,
  ],
  stdout: "null",
  stderr: "null",
}).spawn();
try {
  await new Promise((resolve) => setTimeout(resolve, 500));
  const pace = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000 };
  const netns = prober.name;
  const live = { name: "live", check: httpCheck(8080, {}, pace), count: 1000, network: "198.19.0", netns };
  const dead = { name: "dead", check: tcpCheck(8080, pace), count: 1000, network: "198.19.128", netns };
  console.log(`load average ${Deno.loadavg().map((l) => l.toFixed(2)).join(" ")}, ${seconds} s a row`);
  console.log(row("", "probes", "not ok", "late p50", "p99", "max ms", "took p99"));
  const max: number[] = [];
  for (const [name, groups] of [["without the dead", [live]], ["with the dead", [live, dead]]] as const) {
    const figures = await measure({ groups, warmSeconds: 4, seconds });
    for (const [group, { probes, failed, voided, lateMs, tookMs }] of Object.entries(figures.groups)) {
      if (group === "live") max.push(lateMs.max);
      console.log(row(
        `${name}: ${group}`,
        probes,
        failed + voided,
        ...[lateMs.p50, lateMs.p99, lateMs.max, tookMs.p99].map((ms) => ms.toFixed(1)),
      ));
    }
  }
  const [before = 0, after = 0] = max;
  console.log(`the dead half delays the living by at most ${Math.max(0, after - before).toFixed(1)} ms`);
} finally {
  nginx.kill("SIGTERM");
  await nginx.status;
  await Deno.remove(folder, { recursive: true });
}

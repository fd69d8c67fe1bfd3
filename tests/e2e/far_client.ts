// deno-lint-ignore-file no-console -- its output is what the test reads
/**
 * A daemon on all addresses of a network namespace, and a client that reaches it by an address that is not
 * loopback. Prints one line of JSON: what was asked → status.
 *
 *   far_client.ts <address of this namespace>
 *
 * @module
 */
import { exchange, request } from "../routes/raw.ts";
import { TestDaemon } from "./harness.ts";
import { lbSettings } from "./world.ts";

const [far = ""] = Deno.args;
const config = `maglev:
${lbSettings}
  healthchecks: {}
  backends: { b1: { address: 127.0.0.1 } }
  frontends: { www: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;
await using daemon = await TestDaemon.start({
  config,
  vpp: null,
  args: ["--listen", ":0", "--metrics-addr", ":0"],
  until: "ready",
});
const [, everywhere = "", metrics = ""] = daemon.log.filter((line) => line.msg === "listening")
  .map((line) => String(line.address));
const port = everywhere.split(":").at(-1);
const metricsPort = metrics.split(":").at(-1);
const statuses: Record<string, string> = {};
const ask = async (address: string, line: string, ...headers: string[]) => {
  const answer = await exchange(address, request(line, headers));
  statuses[[address.replace(/:\d+$/, ""), line, ...headers].join(" ")] = answer.split(" ")[1] ?? "";
};
const pause = "POST /v1/backends/b1/pause";
await ask(`${far}:${port}`, "GET /v1/backends");
await ask(`${far}:${port}`, pause);
await ask(`${far}:${port}`, pause, "Host: localhost");
await ask(`${far}:${metricsPort}`, "GET /metrics");
await ask(`127.0.0.1:${port}`, pause);
await ask(`[::1]:${port}`, pause, "Host: [::1]");
const { token } = daemon;
const withToken = async (address: string, path: string, host: string) => {
  const headers = [`Host: ${host}`, `Authorization: Bearer ${token}`];
  const answer = await exchange(address, request(`POST ${path}`, headers));
  statuses[`${address.replace(/:\d+$/, "")} ${path} with the token`] = answer.split(" ")[1] ?? "";
};
await withToken(`${far}:${port}`, "/v1/backends/b1/pause", "localhost");
await withToken(`127.0.0.1:${port}`, "/v1/backends/b1/pause", "localhost");
await withToken(`[::1]:${port}`, "/v1/backends/b1/resume", far);
// Its answer may be here before its line.
await daemon.logged(({ msg, peer }) => msg === "api-change" && String(peer).startsWith("[::1]"));
console.log(JSON.stringify({
  statuses,
  opened: daemon.log.filter((line) => line.msg === "listener-open").map((line) =>
    `${line.level} ${String(line.address).replace(/\d+$/, "")} ${/--[a-z-]+/.exec(String(line.detail))?.[0]}`
  ),
  peers: daemon.log.filter((line) => line.msg === "api-change").map((line) =>
    String(line.peer).replace(/:\d+$/, "")
  ),
}));

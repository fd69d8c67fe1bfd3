import assert from "node:assert/strict";
import { environmentName, flagSpecs } from "../src/flag_table.ts";
import { helpText, parseFlags, parseListenAddress } from "../src/flags.ts";

const none = () => undefined;

function options(args: string[], env: Record<string, string> = {}) {
  const parsed = parseFlags(args, (name) => env[name]);
  if (!parsed.ok) throw new Error(parsed.error.join("; "));
  return parsed.value;
}

Deno.test("parseFlags() without arguments gives the documented defaults", () => {
  const defaults = options([]);
  assert.equal(defaults.config, "/etc/vpp-maglev/maglev.yaml");
  assert.deepEqual(defaults.listen, [{ transport: "tcp", hostname: "127.0.0.1", port: 9090 }]);
  assert.equal(defaults.metricsAddr, null);
  assert.equal(defaults.vppApiAddr, "/run/vpp/api.sock");
  assert.equal(defaults.vppInflight, 32);
  assert.equal(defaults.tls, null);
});

Deno.test("a flag wins over its environment form, and both win over the default", () => {
  const env = {
    MAGLEV_CONFIG: "/env.yaml",
    MAGLEV_LOG_LEVEL: "DEBUG",
    MAGLEV_LISTEN: "127.0.0.1:1, [::1]:2",
  };
  assert.equal(options([], env).config, "/env.yaml");
  assert.equal(options([], env).logLevel, "debug");
  assert.equal(options([], env).listen.length, 2);
  assert.equal(options(["--config", "/flag.yaml"], env).config, "/flag.yaml");
  assert.equal(options(["--listen=unix:/run/x.sock"], env).listen.length, 1);
});

Deno.test("an empty address switches VPP off, from the flag and from the environment", () => {
  assert.equal(options(["--vpp-api-addr="]).vppApiAddr, null);
  assert.equal(options([], { MAGLEV_VPP_API_ADDR: "" }).vppApiAddr, null);
  assert.equal(options(["--vpp-stats-addr", ""]).vppStatsAddr, null);
});

Deno.test("parseFlags() reports every mistake at once", () => {
  const parsed = parseFlags(
    [
      "--listen",
      "nowhere",
      "--vpp-inflight",
      "0",
      "--probe-threads",
      "65",
      "--log-level",
      "loud",
      "--log-format",
      "xml",
      "--tls-key",
      "a",
    ],
    none,
  );
  assert.equal(parsed.ok, false);
  if (parsed.ok) return;
  assert.deepEqual(parsed.error.map((line) => line.split(" ")[0]), [
    "--listen",
    "--vpp-inflight",
    "--probe-threads",
    "--log-level",
    "--log-format",
    "--tls-key",
  ]);
});

Deno.test("a command line of the Go daemon is understood, or what takes the place of a flag is named", () => {
  assert.equal(options(["-config", "/go.yaml", "-log-level=debug"]).config, "/go.yaml");
  assert.equal(options(["-config=/go.yaml", "-check=true"]).check, true);
  const error = (...args: string[]) => {
    const parsed = parseFlags(args, none);
    return parsed.ok ? [] : parsed.error;
  };
  assert.deepEqual(error("-config", "x", "-grpc-addr", ":9090"), [
    "--grpc-addr is a flag of the Go daemon; here it is --listen, where the REST API listens",
  ]);
  assert.deepEqual(error("--reflection=false"), [
    "--reflection is a flag of the Go daemon; here it is /openapi.json, where the API describes itself",
  ]);
});

Deno.test("parseFlags() names an unknown flag and a stray word", () => {
  for (const [args, want] of [[["--conifg", "x"], "--conifg"], [["start"], "start"]] as const) {
    const parsed = parseFlags(args, none);
    assert.equal(parsed.ok, false);
    if (!parsed.ok) assert.match(parsed.error.join(), new RegExp(want));
  }
});

Deno.test("a misspelt flag is told which one was probably meant", () => {
  const parsed = parseFlags(["--conifg", "x"], none);
  assert.deepEqual(parsed, { ok: false, error: ["there is no flag --conifg; did you mean --config?"] });
});

Deno.test("every flag has its environment form, to the same effect", () => {
  const values: Record<string, string> = {
    "config": "/x.yaml",
    "listen": "unix:/x.sock",
    "metrics-addr": "[::1]:9091",
    "vpp-api-addr": "/x/api.sock",
    "vpp-stats-addr": "/x/stats.sock",
    "vpp-inflight": "7",
    "probe-threads": "2",
    "log-level": "warn",
    "log-format": "text",
    "auth-file": "/x/auth.yaml",
    "tls-cert": "/x/cert.pem",
    "tls-key": "/x/key.pem",
    "local-token": "/x/token",
    "node-name": "lb7",
    "state-dir": "/x/state",
    "journal-days": "7",
    "journal-size": "2GiB",
    "peer": "lb2=https://lb2.example.net/",
    "peer-token-file": "/x/peers.yaml",
    "peer-ca-file": "/x/ca.pem",
    "grafana-url": "https://grafana.example.net/d/maglev",
  };
  // A certificate without its key is a mistake, and what is of peers without one.
  const others: Readonly<Record<string, string>> = {
    "tls-cert": "tls-key",
    "tls-key": "tls-cert",
    "peer-token-file": "peer",
    "peer-ca-file": "peer",
  };
  for (const { name, kind } of flagSpecs) {
    const names = [name, others[name]].filter((one) => one !== undefined);
    const asFlags = names.flatMap((one) =>
      kind === "switch" ? [`--${one}`] : [`--${one}`, values[one] ?? ""]
    );
    const asEnv = Object.fromEntries(names.map((one) => [environmentName(one), values[one] ?? "true"]));
    assert.deepEqual(options([], asEnv), options(asFlags), name);
    assert.notDeepEqual(options([], asEnv), options([]), `${name} has an effect`);
  }
});

Deno.test("parseListenAddress() knows four forms and refuses the rest", () => {
  assert.deepEqual(parseListenAddress("[::1]:80"), { transport: "tcp", hostname: "::1", port: 80 });
  assert.deepEqual(parseListenAddress(":9091"), { transport: "tcp", hostname: "::", port: 9091 });
  assert.deepEqual(parseListenAddress("unix:/a b"), { transport: "unix", path: "/a b" });
  for (
    const bad of ["", "1.2.3.4", "1.2.3.4:", "1.2.3.4:70000", "::1:80", "[1.2.3.4]:1", "unix:rel", "name:1"]
  ) {
    assert.equal(parseListenAddress(bad), null, bad);
  }
});

Deno.test("helpText() names every flag and the environment names follow from the flags", () => {
  for (const spec of flagSpecs) assert.ok(helpText().includes(`--${spec.name}`), spec.name);
  assert.equal(environmentName("vpp-api-addr"), "MAGLEV_VPP_API_ADDR");
});

Deno.test("helpText() fits a terminal, tells defaults, signals and exit codes", () => {
  const lines = helpText().split("\n");
  for (const line of lines) assert.ok(line.length <= 100, line);
  const text = lines.map((line) => line.trim()).join(" ");
  for (const { default: value, kind, name } of flagSpecs) {
    if (kind !== "switch" && value !== "") assert.ok(text.includes(`(default ${value})`), name);
  }
  for (const word of ["SIGHUP", "SIGTERM", "SIGINT", "Exit codes", "environment"]) {
    assert.ok(text.includes(word), word);
  }
});

Deno.test("the daemon has the host's name unless it gets one, and names follow the rule for names", () => {
  const parsed = parseFlags([], none, "host7");
  assert.equal(parsed.ok && parsed.value.nodeName, "host7");
  assert.equal(options(["--node-name", "lb1.ams"]).nodeName, "lb1.ams");
  assert.equal(options([], { MAGLEV_NODE_NAME: "lb2" }).nodeName, "lb2");
  for (const wrong of ["a b", "...", "x".repeat(65), "ü"]) {
    const refused = parseFlags(["--node-name", wrong], none);
    assert.ok(!refused.ok && refused.error[0]?.startsWith("--node-name"), wrong);
  }
});

Deno.test("one PEM file may hold certificate and key", () => {
  const both = { cert: "/x/both.pem", key: "/x/both.pem" };
  assert.deepEqual(options(["--tls-cert", "/x/both.pem"]).tls, both);
  assert.deepEqual(options(["--tls-cert", "/x/both.pem", "--tls-key", "/x/both.pem"]).tls, both);
});

Deno.test("peers and Grafana: each fault of a flag is a sentence", () => {
  const errors = (...args: string[]) => {
    const parsed = parseFlags(args, () => undefined);
    return parsed.ok ? "" : parsed.error.join("\n");
  };
  assert.equal(errors("--peer", "lb2=https://lb2/", "--peer", "lb3=http://lb3:9090"), "");
  assert.match(errors("--peer", "lb2"), /--peer .* needs the form name=url/);
  assert.match(errors("--peer", "lb2=http://u:secret@lb2/"), /without a password/);
  assert.doesNotMatch(errors("--peer", "lb2=http://u:secret@lb2/"), /secret/);
  assert.match(errors("--peer", "lb2=http://a/", "--peer", "lb2=http://b/"), /two peers named "lb2"/);
  assert.match(errors("--peer-token-file", "/x"), /--peer-token-file needs --peer/);
  assert.match(errors("--grafana-url", "javascript:alert(1)"), /http:/);
});

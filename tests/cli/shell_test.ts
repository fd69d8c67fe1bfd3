import assert from "node:assert/strict";
import { startDaemon } from "./daemon.ts";
import { has, maglevc } from "./process.ts";
import { Terminal } from "./terminal.ts";

const withTmux = await has("tmux", "-V");

function shellTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `shell: ${name}${withTmux ? "" : " (skipped: no tmux)"}`, ignore: !withTmux, fn });
}

shellTest("banner, a command, Ctrl-D", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  const banner = await terminal.see(/maglev@lb1 3!>$/);
  assert.ok(banner.startsWith(`maglevc 0.1.0, maglevd 0.1.0 at ${daemon.url}\n`), banner);
  await terminal.clear();
  await terminal.type("sh healthc web", "Enter");
  await terminal.see(/^maglev@lb1 3!> sh healthc web\nhealthcheck +web\n[^]*\nmaglev@lb1 3!>$/);
  await terminal.type("C-d");
  await terminal.see(/exit=0/);
});

shellTest(
  "Tab completes keywords and live names, a pool only of that frontend, a backend only of that pool",
  async () => {
    await using daemon = startDaemon();
    await using terminal = await Terminal.withShell(daemon.url);
    await terminal.clear();
    await terminal.type("set fr", "Tab");
    await terminal.see(/^maglev@lb1 3!> set frontend$/);
    // Each Tab is waited for: in one chunk with other keys it would count as pasted.
    await terminal.type("www6", "Tab");
    await terminal.see(/frontend www6$/);
    await terminal.type("po", "Tab");
    await terminal.see(/frontend www6 pool$/);
    await terminal.type("Tab");
    // The only pool of www6.
    await terminal.see(/^maglev@lb1 3!> set frontend www6 pool all$/);
    await terminal.type("b", "Tab");
    await terminal.see(/pool all backend$/);
    await terminal.type("Tab");
    await terminal.see(/pool all backend web$/);
    await terminal.type("Tab");
    await terminal.see(/\nweb1 +web2\n[^]*maglev@lb1 3!> set frontend www6 pool all backend web$/);
    await terminal.type("1 w", "Tab");
    await terminal.see(/backend web1 weight$/);
    await terminal.type("30", "Enter");
    await terminal.see(/pool all +active\n +web1 .* up +30 \(file 100\) +30 /);
    assert.deepEqual(daemon.control.commands, ["weight 30"]);
  },
);

shellTest("? helps at every point without running anything", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.type("?");
  const top = await terminal.see(/^maglev@lb1 3!> \?\n[^]*\nmaglev@lb1 3!>$/);
  for (
    const word of ["show", "set", "sync", "watch", "config", "whereis", "probe", "completion", "quit", "exit"]
  ) {
    assert.match(top, new RegExp(`^  ${word} +[a-z]`, "m"));
  }
  await terminal.clear();
  await terminal.type("sh b?");
  await terminal.see(
    /^maglev@lb1 3!> sh b\?\n {2}backends +all backends\n {2}backend +one backend\nmaglev@lb1 3!> sh b$/,
  );
  await terminal.type("ackend ?");
  await terminal.see(
    /<backend> +name of a backend\n {2}now: web1 web2 web3 spare1 ns1\nmaglev@lb1 3!> sh backend$/,
  );
  await terminal.type("web3 ?");
  await terminal.see(
    / {2}<cr> +one backend: .*\n {2}\| +filter what it prints\nmaglev@lb1 3!> sh backend web3$/,
  );
  assert.ok(!daemon.requests.some((request) => request.includes("/v1/backends/web3")), "nothing was run");
  // The line goes on where it was.
  await terminal.type("Enter");
  await terminal.see(/backend +web3\n/);
  await terminal.clear();
  // In the middle of a line it helps with what stands before the cursor.
  await terminal.type("set web1", "Left", "Left", "Left", "Left", "?");
  await terminal.see(/ {2}frontend +a frontend\nmaglev@lb1 3!> set web1$/);
  await terminal.type("backend ");
  await terminal.see(/maglev@lb1 3!> set backend web1$/);
  await terminal.type("C-c");
  await terminal.clear();
  // In quotes it is a part of the path.
  await terminal.type('probe www path "/a?b"');
  await terminal.see(/^maglev@lb1 3!> probe www path "\/a\?b"$/);
});

shellTest("Ctrl-C clears the line, and ends a command but not the shell", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.type("set backend web1 disable");
  // A terminal throws away what has not been read when Ctrl-C comes.
  await terminal.see(/^maglev@lb1 3!> set backend web1 disable$/);
  await terminal.type("C-c");
  await terminal.see(/^maglev@lb1 3!> set backend web1 disable\^C\nmaglev@lb1 3!>$/);
  await terminal.type("Enter", "show vpp in", "Tab");
  await terminal.see(/maglev@lb1 3!> show vpp info$/);
  await terminal.type("Enter");
  await terminal.see(/vpp-pid +4711/);
  await terminal.clear();
  await terminal.type("watch events backend", "Enter");
  await terminal.see(/ns1 is disabled$/);
  await terminal.type("C-c");
  await terminal.see(/ns1 is disabled\nmaglev@lb1 3!>$/);
  await terminal.clear();
  await terminal.type("watch events frontend", "Enter");
  await terminal.see(/legacy is unknown, pool none$/);
  await terminal.type("x");
  await terminal.see(/pool none\nmaglev@lb1 3!>$/);
  assert.deepEqual(daemon.control.commands, []);
});

shellTest("a wrong word is marked and named", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.type("show vpp lb sate", "Enter");
  await terminal.see(
    /^maglev@lb1 3!> show vpp lb sate\n {27}\^\nmaglevc: word 4: unknown "sate"; did you mean "state"\? expected state, counters or plan\nmaglev@lb1 3!>$/,
  );
});

shellTest("what is typed or pasted while a command runs comes next, in order", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.type("show vpp info\nshow healthcheck dns\nquit\nshow version\n");
  const screen = await terminal.see(/exit=0/);
  assert.match(
    screen,
    /^maglev@lb1 3!> show vpp info\nversion [^]*\nmaglev@lb1 3!> show healthcheck dns\nhealthcheck +dns[^]*\nmaglev@lb1 3!> quit\n/,
  );
});

shellTest("a server that goes away is named, and the next command tries again", async () => {
  const first = startDaemon();
  const port = Number(new URL(first.url).port);
  await using terminal = await Terminal.withShell(first.url);
  await first[Symbol.asyncDispose]();
  await terminal.clear();
  await terminal.type("show frontend www", "Tab");
  await terminal.type("Enter");
  await terminal.see(/cannot reach http:\/\/127\.0\.0\.1:[0-9]+: connection refused\nmaglev@lb1 \?>$/);
  await using _second = startDaemon({ port });
  await terminal.type("show frontend www", "Enter");
  await terminal.see(/pool fallback +standby/);
});

shellTest("the history survives the shell, and repeats nothing twice", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.type("show vpp info", "Enter");
  await terminal.see(/vpp-pid[^]*maglev@lb1 3!>$/);
  await terminal.type("show v", "Enter");
  await terminal.see(/ambiguous: version, vpp\nmaglev@lb1 3!>$/);
  await terminal.type("exit", "Enter");
  await terminal.see(/exit=0/);
  assert.equal(await Deno.readTextFile(terminal.historyFile), "show vpp info\nshow v\nexit\n");
  assert.equal(((await Deno.stat(terminal.historyFile)).mode ?? 0) & 0o777, 0o600);
  await terminal.launch(daemon.url);
  await terminal.clear();
  await terminal.type("Up");
  await terminal.see(/^maglev@lb1 3!> exit$/);
  await terminal.type("Up", "Up");
  await terminal.see(/^maglev@lb1 3!> show vpp info$/);
});

shellTest("colours and a live probe on the terminal", async () => {
  await using daemon = startDaemon();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })();
  const [www] = daemon.control.frontends();
  assert.ok(www !== undefined);
  www.address = "127.0.0.1";
  www.port = listener.addr.port;
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.type("show frontends", "Enter");
  await terminal.see(/pool|legacy[^]*maglev@lb1 3!>$/);
  assert.ok((await terminal.tmux("capture-pane", "-p", "-e")).includes("\x1b[32m● up\x1b[39m"));
  await terminal.clear();
  await terminal.type("probe www interval 5ms", "Enter");
  const live = await terminal.see(/\n[0-9]{2,} probes, 0 failed/);
  assert.equal(live.split("\n").length, 3, "drawn in place");
  await terminal.type("C-c");
  await terminal.see(/probes, 0 failed .*\nmaglev@lb1 3!>$/);
  listener.close();
  await accepting;
});

shellTest(
  "one watch without a shell ends with any key or Ctrl-C, and leaves the terminal as it was",
  async () => {
    await using daemon = startDaemon();
    await using terminal = await Terminal.open("sh");
    for (const key of ["x", "C-c"]) {
      const command = maglevc.map((word) => `'${word}'`).join(" ");
      await terminal.type(
        `clear; ${command} --server ${daemon.url} watch events frontend; echo "exit=$?"`,
        "Enter",
      );
      await terminal.see(/legacy is unknown, pool none$/);
      await terminal.type(key);
      await terminal.see(/pool none\nexit=0\n/);
      // A terminal that was left raw would not echo.
      await terminal.type("echo back to $((40 + 2))", "Enter");
      await terminal.see(/echo back to \S+40 \+ 2\S+\nback to 42\n/);
    }
  },
);

shellTest("Ctrl-R searches the history", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.type("show vpp info", "Enter");
  await terminal.see(/vpp-pid[^]*maglev@lb1 3!>$/);
  await terminal.type("show version", "Enter");
  await terminal.see(/warm-up[^]*maglev@lb1 3!>$/);
  await terminal.clear();
  await terminal.type("C-r", "vpp");
  await terminal.see(/^\(reverse-i-search\)'vpp': show vpp info$/);
  await terminal.type("Enter");
  await terminal.see(/^maglev@lb1 3!> show vpp info\n[^]*vpp-pid[^]*\nmaglev@lb1 3!>$/);
});

shellTest("300 names are shown only after a question", async () => {
  await using daemon = startDaemon();
  const [first] = daemon.control.backends();
  assert.ok(first !== undefined);
  for (let i = 0; i < 300; i++) daemon.control.backends().push({ ...first, name: `srv${i}` });
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.type("show backend srv", "Tab");
  await terminal.see(/^maglev@lb1 3!> show backend srv\nShow all 300\? \(y or n\)$/);
  await terminal.type("n");
  await terminal.see(/\(y or n\) n\nmaglev@lb1 3!> show backend srv$/);
  await terminal.type("C-l");
  await terminal.see(/^maglev@lb1 3!> show backend srv$/);
  await terminal.type("Tab", "y");
  const screen = await terminal.see(/srv299\n(?:[^]*\n)?maglev@lb1 3!> show backend srv$/);
  assert.ok(screen.split("\n").length < 40, screen);
  // Eleven are shown at once.
  await terminal.type("C-l");
  await terminal.see(/^maglev@lb1 3!> show backend srv$/);
  await terminal.type("29", "Tab");
  await terminal.see(/srv29 [^]*srv299\nmaglev@lb1 3!> show backend srv29$/);
});

for (const shell of ["bash --norc --noprofile", "zsh -f"]) {
  const [name = ""] = shell.split(" ");
  const present = withTmux && await has(name, "--version");
  Deno.test({
    name: `shell: Ctrl-Z stops it under ${name}, and fg takes it up where it was${
      present ? "" : ` (skipped: no tmux or no ${name})`
    }`,
    ignore: !present,
    async fn() {
      await using daemon = startDaemon();
      await using terminal = await Terminal.open(...shell.split(" "), "-i");
      await terminal.type("PS1='ready> '; clear", "Enter");
      await terminal.see(/^ready>$/);
      await terminal.launch(daemon.url);
      await terminal.type("show vpp in");
      // What has not been read when the signal comes is thrown away by the terminal.
      await terminal.see(/maglev@lb1 3!> show vpp in$/);
      await terminal.type("C-z");
      await terminal.see(/(Stopped|suspended)[^]*ready>$/);
      // The shell has its terminal back: it echoes, and reads whole lines.
      await terminal.type("echo back to $((40 + 2))", "Enter");
      await terminal.see(/\nback to 42\nready>$/);
      await terminal.type("fg", "Enter");
      await terminal.see(/\nmaglev@lb1 3!> show vpp in$/);
      await terminal.type("Tab", "Enter");
      await terminal.see(/vpp-pid +4711[^]*\nmaglev@lb1 3!>$/);
      // While a command runs, too.
      await terminal.clear();
      await terminal.type("watch events frontend", "Enter");
      await terminal.see(/legacy is unknown, pool none$/);
      await terminal.type("C-z");
      await terminal.see(/(Stopped|suspended)[^]*ready>$/);
      await terminal.type("fg", "Enter");
      await terminal.see(/ready> fg\n[^]*(main\.ts'|continued.*)$/);
      await terminal.type("x");
      await terminal.see(/\nmaglev@lb1 3!>$/);
      // A whole screen is given back at the stop, and taken again.
      await terminal.clear();
      await terminal.type("top", "Enter");
      await terminal.see(/\n> web3 [^]*q quit$/);
      await terminal.type("C-z");
      await terminal.see(/^maglev@lb1 3!> top\n[^]*(Stopped|suspended)[^]*ready>$/);
      await terminal.type("fg", "Enter");
      await terminal.see(/^lb1 [^]*\n> web3 [^]*q quit$/);
      await terminal.type("q");
      await terminal.see(/\nmaglev@lb1 3!>$/);
      await terminal.type("quit", "Enter");
      await terminal.see(/maglev@lb1 3!> quit\nready>$/);
    },
  });
}

shellTest("help and -h tell about commands, and run none", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.type("help set back", "Enter");
  await terminal.see(
    /^maglev@lb1 3!> help set back\nset backend <backend> pause\|resume\|disable\|enable \[for <span>\][^]*\n {2}Take a backend/,
  );
  await terminal.type("set backend web1 pause -h", "Enter");
  await terminal.see(/pause -h\nset backend <backend> pause[^]*\nmaglev@lb1 3!>$/);
  await terminal.clear();
  await terminal.type("hel sh backends ?");
  await terminal.see(/ {2}<cr> +all backends with their state/);
  await terminal.type("C-c");
  await terminal.clear();
  await terminal.type("help set b", "Tab");
  await terminal.see(/^maglev@lb1 3!> help set backend$/);
  await terminal.type("Enter");
  await terminal.see(/<text> +a text of at most[^]*\nmaglev@lb1 3!>$/);
  await terminal.clear();
  await terminal.type("help show x", "Enter");
  await terminal.see(/^maglev@lb1 3!> help show x\n {25}\^\nmaglevc: word 3: unknown "x"; expected problems/);
  assert.deepEqual(daemon.control.commands, []);
});

shellTest("a terminal that knows no sequences gets none, and lines still run", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.open("sh");
  const folder = await Deno.makeTempDir();
  const command = maglevc.map((word) => `'${word}'`).join(" ");
  await terminal.tmux("pipe-pane", `cat >${folder}/octets`);
  await terminal.type(`clear; TERM=dumb MAGLEV_SERVER=${daemon.url} ${command}; echo "exit=$?"`, "Enter");
  await terminal.see(/show what may follow|\? shows what may follow; Ctrl-D leaves\.\nmaglev@lb1 3!>$/);
  await terminal.type("sh h?", "Enter");
  await terminal.see(/healthchecks +all health checks[^]*\nmaglev@lb1 3!>$/);
  await terminal.type("show x", "Enter", "show vpp info", "Enter");
  await terminal.see(/unknown "x"[^]*vpp-pid +4711[^]*\nmaglev@lb1 3!>$/);
  await terminal.type("watch events frontend", "Enter");
  await terminal.see(/legacy is unknown, pool none$/);
  await terminal.type("C-c");
  await terminal.see(/\nmaglev@lb1 3!>$/);
  await terminal.type("C-d");
  await terminal.see(/exit=0/);
  const octets = await Deno.readTextFile(`${folder}/octets`);
  const ours = octets.slice(octets.indexOf("maglevc 0.1.0"), octets.lastIndexOf("exit=0"));
  assert.ok(ours.length > 100 && !ours.includes("\x1b"), JSON.stringify(ours));
  await Deno.remove(folder, { recursive: true });
});

shellTest("output longer than the screen goes through the pager, unless no-more", async () => {
  await using daemon = startDaemon();
  const [first] = daemon.control.backends();
  assert.ok(first !== undefined);
  for (let i = 0; i < 100; i++) daemon.control.backends().push({ ...first, name: `srv${i}` });
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.type("show backends", "Enter");
  await terminal.see(/^BACKEND[^]*\nsrv29 .*\n--More--\([0-9]+%\)$/);
  await terminal.type(" ");
  await terminal.see(/\nsrv68 .*\n--More--\([0-9]+%\)$/);
  await terminal.type("Enter");
  await terminal.see(/\nsrv69 .*\n--More--\([0-9]+%\)$/);
  await terminal.type("/", "srv95");
  await terminal.see(/\n\/srv95$/);
  await terminal.type("Enter");
  await terminal.see(/\nsrv99 .*\nmaglev@lb1 3!>$/);
  await terminal.clear();
  await terminal.type("show backends", "Enter");
  await terminal.see(/--More--\([0-9]+%\)$/);
  await terminal.type("q");
  await terminal.see(/\nmaglev@lb1 3!>$/);
  await terminal.clear();
  await terminal.type("show backends | no-more", "Enter");
  await terminal.see(/\nsrv99 .*\nmaglev@lb1 3!>$/);
  await terminal.clear();
  await terminal.type("show backends | include srv | last 2", "Enter");
  await terminal.see(/^maglev@lb1 3!> show backends .*\nBACKEND.*\nsrv98.*\nsrv99.*\nmaglev@lb1 3!>$/);
});

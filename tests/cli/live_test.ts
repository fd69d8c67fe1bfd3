/** What is seen in a real terminal: banner and prompt, questions, `top`. */
import assert from "node:assert/strict";
import { startDaemon } from "./daemon.ts";
import { has, maglevc } from "./process.ts";
import { Terminal } from "./terminal.ts";

const withTmux = await has("tmux", "-V");

function liveTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `terminal: ${name}${withTmux ? "" : " (skipped: no tmux)"}`, ignore: !withTmux, fn });
}

liveTest("the shell begins with what is wrong, and its prompt follows", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  const screen = await terminal.see(/maglev@lb1 3!>$/);
  assert.match(screen, /\n1 critical, 2 warnings, 1 note\n[^]*✖ critical +\S+ +frontend dns is down/);
  // Notes are no reason to look.
  assert.doesNotMatch(screen, /web2 is paused/);
  daemon.answers.set("/v1/problems", { problems: [], critical: 0, warnings: 0 });
  await terminal.type("show", "Enter");
  await terminal.see(/\nnothing is wrong\nmaglev@lb1>$/);
  daemon.answers.set("/v1/problems", { problems: 7 });
  await terminal.type("Enter");
  await terminal.see(/\nmaglev@lb1 \?>$/);
});

liveTest("an action that takes a frontend down asks, in the shell and in one command", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  const question = /this takes frontend www6 down: no server is left\. Go on\? \(y or n\)$/;
  await terminal.type("set backend web1 pause", "Enter");
  await terminal.see(question);
  await terminal.type("n");
  await terminal.see(/\(y or n\) n\nmaglevc: nothing was changed\nmaglev@lb1 3!>$/);
  await terminal.clear();
  await terminal.type("set backend web1 pause", "Enter");
  await terminal.see(question);
  await terminal.type("C-c");
  await terminal.see(/nothing was changed\nmaglev@lb1 3!>$/);
  assert.deepEqual(daemon.requests.filter((r) => r === "POST /v1/backends/web1/pause"), []);
  await terminal.type("set backend web1 pause", "Enter");
  await terminal.see(question);
  await terminal.type("y");
  await terminal.see(/‖ paused[^]*\nconsequences\n[^]*\nmaglev@lb1 3!>$/);
  await terminal.type("exit", "Enter");
  await terminal.see(/exit=0/);
  const command = maglevc.map((word) => `'${word}'`).join(" ");
  await terminal.type(
    `clear; ${command} --server ${daemon.url} set backend web1 disable; echo "exit=$?"`,
    "Enter",
  );
  await terminal.see(question);
  await terminal.type("n");
  await terminal.see(/nothing was changed\nexit=1/);
});

liveTest("top follows keys and the size of the terminal, and gives the screen back", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.withShell(daemon.url);
  await terminal.clear();
  await terminal.tmux("resize-window", "-x", "80", "-y", "24");
  await terminal.type("top", "Enter");
  const narrow = await terminal.see(
    /^lb1 [^]*> web3 +✖ down [^]*\n {4}L4CON connection refused\n[^]*q quit$/,
  );
  for (const row of narrow.split("\n")) assert.ok([...row].length <= 80, row);
  assert.match(narrow, /▅▅▅/);
  await terminal.tmux("resize-window", "-x", "150", "-y", "30");
  await terminal.see(/ WHY\n> web3 .* L4CON connection refused\n/);
  await terminal.type("/", "w", "e", "b");
  await terminal.see(/\nfilter: web_/);
  await terminal.type("Enter", "s");
  await terminal.see(/sort name, frontend all, filter "web", 3 shown[^]*> web1/);
  await terminal.type("f", "www6", "Enter");
  await terminal.see(/frontend www6, filter "web", 2 shown/);
  await terminal.type("Enter");
  await terminal.see(/backend +web1\naddress +10\.0\.0\.11[^]*Enter back/);
  await terminal.type("q");
  await terminal.see(/> web1[^]*q quit$/);
  await terminal.type("p");
  await terminal.see(/\npause web1: this takes frontend www6 down: no server is left\? \(y or n\)$/);
  await terminal.type("n");
  await terminal.see(/\nnothing was changed$/);
  // What changes is seen without a key.
  const web1 = daemon.control.backend("web1");
  assert.ok(web1 !== null);
  Object.assign(web1, { state: "down" });
  await terminal.see(/web1 +✖ down/);
  await terminal.type("q");
  // tmux may leave a row of another size above it.
  assert.doesNotMatch(await terminal.see(/maglev@lb1 3!> top\nmaglev@lb1 3!>$/), /> web|q quit/);
  assert.deepEqual(daemon.control.commands, []);
});

liveTest("top is stopped by Ctrl-Z, and fg draws it anew", async () => {
  await using daemon = startDaemon();
  await using terminal = await Terminal.open("bash", "--norc", "--noprofile", "-i");
  const command = maglevc.map((word) => `'${word}'`).join(" ");
  await terminal.type(`PS1='ready> '; clear; ${command} --server ${daemon.url} top`, "Enter");
  await terminal.see(/> web3[^]*q quit$/);
  await terminal.type("C-z");
  await terminal.see(/Stopped/);
  await terminal.type("fg", "Enter");
  await terminal.see(/^lb1 [^]*> web3[^]*q quit$/);
  await terminal.type("j");
  await terminal.see(/> web2/);
  await terminal.type("q");
  await terminal.see(/ready>$/);
});

liveTest("top says when the daemon is away, goes on when it is back, and Ctrl-C leaves", async () => {
  const first = startDaemon();
  const port = Number(new URL(first.url).port);
  await using terminal = await Terminal.withShell(first.url);
  await terminal.clear();
  await terminal.type("top", "Enter");
  await terminal.see(/> web3/);
  await first[Symbol.asyncDispose]();
  await terminal.see(/\ncannot reach http:\/\/127\.0\.0\.1:[0-9]+: connection refused\n[^]*> web3/);
  await using _second = startDaemon({ port });
  await terminal.see(/\n✖ down 1 [^]*> web3/);
  await terminal.type("C-c");
  await terminal.see(/^maglev@lb1 3!> top\nmaglev@lb1 3!>$/);
});

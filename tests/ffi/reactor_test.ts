import assert from "node:assert/strict";
import { Fd } from "../../ffi/fd.ts";
import { check, libc } from "../../ffi/libc.ts";
import { lower, raise, Reactor, READABLE, WRITABLE } from "../../ffi/reactor.ts";

/** An eventfd: readable once something was written. */
function event(initial = 0): Fd {
  return new Fd(check(libc.eventfd(initial, 0o2004000), "eventfd"));
}
const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("Reactor reports an event once for each time it was asked for", () => {
  using reactor = new Reactor();
  using fd = event(1);
  let count = 0;
  using watch = reactor.watch(fd.number, () => count++);
  reactor.wait(0);
  assert.equal(count, 0);
  watch.arm(READABLE);
  reactor.wait(0);
  reactor.wait(0);
  assert.equal(count, 1);
  watch.arm(WRITABLE);
  reactor.wait(0);
  assert.equal(count, 2);
});

Deno.test("Reactor: an event of a watch that ended in the same batch is dropped, also if its number is used anew", () => {
  using reactor = new Reactor();
  const fds = [event(1), event(1)];
  const heard: string[] = [];
  const watches = fds.map((fd, i) =>
    reactor.watch(fd.number, () => {
      heard.push(`old ${i}`);
      const other = 1 - i;
      watches[other]?.[Symbol.dispose]();
      fds[other]?.[Symbol.dispose]();
      // The kernel gives the lowest free number, so this is the closed one's, in the closed one's slot.
      const fresh = event(1);
      fds[other] = fresh;
      watches[other] = reactor.watch(fresh.number, () => heard.push("new"));
    })
  );
  for (const watch of watches) watch.arm(READABLE);
  reactor.wait(0);
  assert.equal(heard.length, 1);
  for (const watch of watches) watch[Symbol.dispose]();
  for (const fd of fds) fd[Symbol.dispose]();
});

Deno.test("Reactor handles more events at once than fit into one call", () => {
  using reactor = new Reactor();
  using stack = new DisposableStack();
  const seen = new Set<number>();
  for (let i = 0; i < 600; i++) {
    const fd = stack.use(event(1));
    stack.use(reactor.watch(fd.number, () => seen.add(i))).arm(READABLE);
  }
  reactor.wait(0);
  assert.equal(seen.size, 600);
});

Deno.test("Reactor: arming a watch that has ended is an error, ending it twice is not", () => {
  using reactor = new Reactor();
  using fd = event();
  const watch = reactor.watch(fd.number, () => {});
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  assert.throws(() => watch.arm(READABLE), /has ended/);
});

Deno.test("abandon() ends a watch whose descriptor is closed next, and its slot serves another", () => {
  using reactor = new Reactor();
  let heard = 0;
  for (let i = 0; i < 3; i++) {
    using fd = event(1);
    const watch = reactor.watch(fd.number, () => heard++);
    watch.arm(READABLE);
    watch.abandon();
    watch[Symbol.dispose]();
    assert.throws(() => watch.arm(READABLE), /has ended/);
  }
  assert.equal(reactor.wait(0), 0);
  assert.equal(heard, 0);
});

Deno.test("wait() waits with the thread until the first event, and no longer than it may", () => {
  using reactor = new Reactor();
  using fd = event();
  let seen = 0;
  using watch = reactor.watch(fd.number, () => seen++);
  watch.arm(READABLE);
  assert.equal(reactor.wait(5), 0);
  raise(fd.number);
  assert.equal(reactor.wait(60_000), 1);
  assert.equal(seen, 1);
});

Deno.test("raise() and lower() of an eventfd: as often as one likes", () => {
  using fd = event();
  lower(fd.number);
  for (let i = 0; i < 3; i++) raise(fd.number);
  lower(fd.number);
  const octets = new Uint8Array(8);
  assert.equal(libc.read(fd.number, octets, 8n), -1);
});

Deno.test("Reactor leaves no descriptor behind", () => {
  const before = descriptors();
  for (let i = 0; i < 20; i++) {
    using reactor = new Reactor();
    using fd = event(1);
    using watch = reactor.watch(fd.number, () => {});
    watch.arm(READABLE);
    reactor.wait(0);
  }
  assert.equal(descriptors(), before);
});

/**
 * Network namespaces. A thread hops into one only for the time of a synchronous call: nothing else can run
 * inside, and a socket keeps the namespace that it was made in.
 *
 * @module
 */
import { linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { cString, errno, ErrnoError, libc } from "./libc.ts";

let home: Fd | null = null;

/** Without O_NONBLOCK a FIFO of that name would hold the thread until somebody writes to it. */
const FLAGS = linux.O_RDONLY | linux.O_NONBLOCK | linux.O_CLOEXEC | linux.O_NOCTTY;

function open(path: string): Fd {
  const number = libc.open(cString(path), FLAGS, 0);
  if (number < 0) throw new ErrnoError("netns", errno(), path);
  return new Fd(number);
}

/**
 * Names the network namespace that the file at `path` stands for at this moment, by device and inode; null if it
 * cannot be opened. By the kernel and not by `Deno.stat`, which keeps files under /proc to itself.
 */
export function namespaceId(path: string): string | null {
  const number = libc.open(cString(path), FLAGS, 0);
  if (number < 0) return null;
  using fd = new Fd(number);
  // st_dev and st_ino are the first two fields of struct stat, 64 bits each, on x86_64 and aarch64.
  const stat = new BigUint64Array(32);
  if (libc.fstat(fd.number, new Uint8Array(stat.buffer)) !== 0) return null;
  return `${stat[0]}:${stat[1]}`;
}

/**
 * Runs `make` with this thread in the network namespace of the file at `path`. The file is opened anew each
 * time: a descriptor that was kept would hold a deleted namespace alive, and probe a network that is gone.
 *
 * @param make must be synchronous; what it does by promises happens outside
 * @throws ErrnoError with `call` `netns` if the namespace cannot be opened or entered, and what `make` throws
 */
export function inNamespace<T>(path: string, make: () => T): T {
  home ??= open("/proc/thread-self/ns/net");
  using target = open(path);
  if (libc.setns(target.number, linux.CLONE_NEWNET) !== 0) throw new ErrnoError("netns", errno(), path);
  try {
    return make();
  } finally {
    if (libc.setns(home.number, linux.CLONE_NEWNET) !== 0) {
      const error = new ErrnoError("netns", errno(), "Cannot return to the thread's own network namespace");
      // Nothing that this thread does from here on can be trusted, so nobody may catch this one.
      reportError(error);
    }
  }
}

/** Where `ip netns` keeps its names. */
const FOLDER = "/var/run/netns";

/** The file of a network namespace: a name under /var/run/netns, or an absolute path. */
export function namespacePath(netns: string): string {
  return netns.startsWith("/") ? netns : `${FOLDER}/${netns}`;
}

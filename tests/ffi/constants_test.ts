import assert from "node:assert/strict";
import { type Architecture, COMMON, DIFFERENT, E, linux } from "../../ffi/constants.ts";
import { testWith } from "../probes/needs.ts";
import { Headers } from "./headers.ts";

/** Where Debian puts the headers of each architecture: libc6-dev on its own machine, libc6-dev-arm64-cross on any. */
const roots: Readonly<Record<Architecture, readonly string[]>> = {
  x86_64: ["/usr/include/x86_64-linux-gnu", ...(Deno.build.arch === "x86_64" ? ["/usr/include"] : [])],
  aarch64: [
    "/usr/aarch64-linux-gnu/include",
    ...(Deno.build.arch === "aarch64" ? ["/usr/include/aarch64-linux-gnu", "/usr/include"] : []),
  ],
};

/** The kernel's headers, those of an architecture before the generic ones; then glibc's, for what only it defines. */
const names = [
  ...["fcntl", "errno", "socket", "mman", "resource", "poll"].flatMap((name) => [
    `asm/${name}.h`,
    `asm-generic/${name}.h`,
  ]),
  "asm-generic/errno-base.h",
  "asm-generic/mman-common.h",
  "linux/mman.h",
  "linux/in.h",
  "linux/in6.h",
  "linux/icmp.h",
  "linux/icmpv6.h",
  "linux/eventpoll.h",
  "linux/memfd.h",
  "linux/sched.h",
  "linux/sockios.h",
  "bits/fcntl-linux.h",
  "bits/socket.h",
  "bits/socket_type.h",
];

/** What is no number of a header. */
const computed: ReadonlySet<string> = new Set(["EPOLL_EVENT_SIZE"]);

for (const architecture of ["x86_64", "aarch64"] as const) {
  const headers = new Headers(roots[architecture], names);
  // One of the architecture's own headers, one that all have, and one of the C library.
  const lacking = ["O_DIRECTORY", "EPOLLIN", "SOCK_CLOEXEC"].some((name) => headers.number(name) === null)
    ? `no C headers of ${architecture} installed`
    : null;

  testWith([lacking], `constants of ${architecture} are those of its headers`, () => {
    const ours = { ...COMMON, ...DIFFERENT[architecture], ...E };
    const theirs = Object.fromEntries(
      Object.keys(ours).map((name) => [name, computed.has(name) ? "computed" : headers.number(name)]),
    );
    for (const name of computed) theirs[name] = ours[name as keyof typeof ours];
    assert.deepEqual(ours, theirs);
  });

  testWith([lacking], `struct epoll_event has the size on ${architecture} that its header says`, () => {
    assert.match(
      headers.text,
      /#ifdef __x86_64__\n#define EPOLL_PACKED __attribute__\(\(packed\)\)\n#else\n#define EPOLL_PACKED\n#endif/,
    );
    assert.match(
      headers.text,
      /struct epoll_event \{\n\s*__poll_t events;\n\s*__u64 data;\n\} EPOLL_PACKED;/,
    );
    // 4 octets and 8, and without packing the 8 begin at a multiple of 8.
    assert.equal(DIFFERENT[architecture].EPOLL_EVENT_SIZE, architecture === "x86_64" ? 4 + 8 : 8 + 8);
  });
}

Deno.test("this process uses the constants of its own architecture", () => {
  assert.deepEqual(linux, { ...COMMON, ...DIFFERENT[Deno.build.arch] });
  assert.notEqual(DIFFERENT.x86_64.O_DIRECTORY, DIFFERENT.aarch64.O_DIRECTORY);
});

/**
 * Numbers of the Linux kernel and the C library, by architecture. A number is written here and nowhere else, and
 * tests/ffi/constants_test.ts compares all of them with the headers of both architectures.
 *
 * @module
 */

/** An architecture that this program runs on. */
export type Architecture = "x86_64" | "aarch64";

/** Numbers that are the same on both architectures, under the names that the headers give them. */
export const COMMON = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_SEQPACKET: 5,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  IPPROTO_IP: 0,
  IPPROTO_ICMP: 1,
  IPPROTO_ICMPV6: 58,
  SOL_SOCKET: 1,
  SOL_RAW: 255,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_LINGER: 13,
  SO_SNDBUFFORCE: 32,
  SO_RCVBUFFORCE: 33,
  IP_BIND_ADDRESS_NO_PORT: 24,
  ICMP_FILTER: 1,
  ICMPV6_FILTER: 1,
  SCM_RIGHTS: 1,
  MSG_CTRUNC: 0x08,
  MSG_NOSIGNAL: 0x4000,
  MSG_CMSG_CLOEXEC: 0x40000000,
  O_RDONLY: 0,
  O_RDWR: 2,
  O_CREAT: 0o100,
  O_NOCTTY: 0o400,
  O_NONBLOCK: 0o4000,
  O_CLOEXEC: 0o2000000,
  LOCK_EX: 2,
  LOCK_NB: 4,
  POLLIN: 1,
  POLLOUT: 4,
  EPOLLIN: 1,
  EPOLLOUT: 4,
  EPOLLONESHOT: 0x40000000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLL_CTL_MOD: 3,
  PROT_READ: 1,
  PROT_WRITE: 2,
  MAP_SHARED: 1,
  MFD_CLOEXEC: 1,
  MFD_ALLOW_SEALING: 2,
  F_ADD_SEALS: 1033,
  F_GET_SEALS: 1034,
  F_SEAL_SHRINK: 2,
  RLIMIT_NOFILE: 7,
  CLONE_NEWNET: 0x40000000,
  SIOCGIFCONF: 0x8912,
} as const;

/** Numbers that differ between the architectures. */
export const DIFFERENT = {
  x86_64: {
    /** What this is on aarch64 means O_DIRECT here, and the other way round. */
    O_DIRECTORY: 0o200000,
    /** Octets of `struct epoll_event`, which is packed here. */
    EPOLL_EVENT_SIZE: 12,
  },
  aarch64: {
    O_DIRECTORY: 0o40000,
    EPOLL_EVENT_SIZE: 16,
  },
} as const;

function ownArchitecture(): Architecture {
  const { os, arch } = Deno.build;
  if (os === "linux" && (arch === "x86_64" || arch === "aarch64")) return arch;
  throw new Error(`Cannot run on ${os}/${arch}: this program knows Linux on x86_64 and aarch64 only`);
}

/** The numbers of the architecture that this process runs on. Throws at import on any other. */
export const linux: typeof COMMON & Readonly<Record<keyof typeof DIFFERENT[Architecture], number>> = {
  ...COMMON,
  ...DIFFERENT[ownArchitecture()],
};

/** errno numbers by name, the ones that this program tells apart. They are the same on both architectures. */
export const E = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EROFS: 30,
  EPIPE: 32,
  ENAMETOOLONG: 36,
  ELOOP: 40,
  EPROTO: 71,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
} as const;

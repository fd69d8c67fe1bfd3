/**
 * What a process holds, as the kernel sees it, and how that grows.
 *
 * @module
 */

/** Descriptors, mappings and memory of a process at one moment. */
export interface Holdings {
  /** Open descriptors, without those of `spare`. */
  readonly descriptors: number;
  /** Sockets that are connected to nobody: the probes keep some for the next connect, see src/probes/tcp_sockets.ts. */
  readonly spare: number;
  /** All descriptors by kind: `socket`, `anon_inode:[eventpoll]`, ... */
  readonly kinds: ReadonlyMap<string, number>;
  /** Lines of its memory map. */
  readonly mappings: number;
  /** Those of shared memory that has no name any more: VPP's counters. */
  readonly sharedMappings: number;
  /** Resident memory, in KiB. */
  readonly residentKib: number;
}

/** Looks at a process. Throws Deno.errors.NotFound when it is gone. */
export function holdings(pid: number): Holdings {
  const kinds = new Map<string, number>();
  let descriptors = 0;
  let spare = 0;
  const known = socketsOf(pid);
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(`/proc/${pid}/fd/${name}`);
    if (kind === null) continue;
    const { inode, name: what } = kind;
    if (what === "socket" && !known.has(inode)) spare++;
    else descriptors++;
    kinds.set(what, (kinds.get(what) ?? 0) + 1);
  }
  const maps = Deno.readTextFileSync(`/proc/${pid}/maps`).trimEnd().split("\n");
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return {
    descriptors,
    spare,
    kinds,
    mappings: maps.length,
    sharedMappings: maps.filter((line) => /\/memfd:.*\(deleted\)$/.test(line)).length,
    residentKib: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? NaN),
  };
}

/** Where the kernel lists sockets; a TCP socket that is neither connected nor listens is in none of them. */
const TABLES = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp", "icmp6", "unix", "netlink", "packet"];

/** Inodes of the sockets that the kernel lists in the process's network namespace. */
function socketsOf(pid: number): Set<string> {
  const inodes = new Set<string>();
  for (const table of TABLES) {
    const [head = "", ...rows] = Deno.readTextFileSync(`/proc/${pid}/net/${table}`).trimEnd().split("\n");
    const fields = head.trim().split(/\s+/);
    // Two titles, "tx_queue rx_queue" and "tr tm->when", stand over one column each.
    const merged = table.startsWith("unix") || table === "netlink" || table === "packet" ? 0 : 2;
    const at = fields.findIndex((field) => field.toLowerCase() === "inode") - merged;
    for (const row of rows) inodes.add(row.trim().split(/\s+/)[at] ?? "");
  }
  return inodes;
}

/** Kind and inode of a descriptor; null where it was closed meanwhile. */
function kindOf(path: string): { readonly name: string; readonly inode: string } | null {
  try {
    const target = Deno.readLinkSync(path);
    const inode = /:\[(\d+)\]$/.exec(target)?.[1] ?? "";
    return { name: target.replace(/:\[\d+\]$/, "").replace(/^\/.*\//, "/"), inode };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** One reading of a value that should not grow. */
export interface Sample {
  /** Seconds since some start. */
  readonly at: number;
  /** The value. */
  readonly value: number;
}

/**
 * Growth of the floor: the least value of each of `windows` equal spans, and the median of all slopes between two
 * of these. What a garbage collector lets pile up and takes away again does not count, what it never gets does.
 *
 * @returns units of the value a second; null for too few samples
 */
export function floorSlope(samples: readonly Sample[], windows: number): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return null;
  const floors = new Map<number, Sample>();
  for (const sample of samples) {
    const window = Math.min(windows - 1, Math.floor((sample.at - first.at) / (last.at - first.at) * windows));
    const floor = floors.get(window);
    if (floor === undefined || sample.value < floor.value) floors.set(window, sample);
  }
  const points = [...floors.values()];
  if (points.length < 4) return null;
  const slopes = points.flatMap((a, i) =>
    points.slice(i + 1).map((b) => (b.value - a.value) / (b.at - a.at))
  );
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)] ?? null;
}

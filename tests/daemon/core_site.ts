/** A site at random: a file that is edited, servers that live and die, a VPP, and the daemons that come and go. */
import fc from "fast-check";
import type { IpAddress } from "../../src/model.ts";
import type { Backend, Config, Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { backend, frontend, tcpCheck } from "../health/kit.ts";
import { coreConfig } from "./core.ts";

/** Number of places for backends and frontends in the file. */
const BACKENDS = 5;
const FRONTENDS = 4;
/** Hosts that a backend may be at. */
const HOSTS = 7;

interface BackendLine {
  readonly present: boolean;
  /** Changes with a rename. */
  readonly name: number;
  readonly host: number;
  readonly checked: boolean;
  readonly enabled: boolean;
}

interface FrontendLine {
  readonly present: boolean;
  /** Weight and pool of each backend; null: no member. */
  readonly members: readonly ({ readonly pool: 0 | 1; readonly weight: number } | null)[];
  readonly sticky: boolean;
  readonly flushOnDown: boolean;
  readonly auto: boolean;
  readonly long: boolean;
  /** All ports of its address. */
  readonly allPorts: boolean;
  readonly vip: number;
}

/** A file in the making. */
export interface SiteFile {
  readonly backends: readonly BackendLine[];
  readonly frontends: readonly FrontendLine[];
  readonly rise: number;
  readonly fall: number;
  readonly keepForeign: boolean;
}

const often = (yes: number) => fc.nat({ max: 99 }).map((n) => n < yes);

const backendLine = (i: number): fc.Arbitrary<BackendLine> =>
  fc.record({
    present: often(90),
    name: fc.constant(0),
    host: fc.oneof({ weight: 4, arbitrary: fc.constant(i) }, fc.nat({ max: HOSTS - 1 })),
    checked: often(85),
    enabled: often(90),
  });

const frontendLine: fc.Arbitrary<FrontendLine> = fc.record({
  present: often(75),
  members: fc.tuple(...Array.from({ length: BACKENDS }, () =>
    fc.option(
      fc.record({ pool: fc.constantFrom<0 | 1>(0, 0, 1), weight: fc.constantFrom(0, 1, 50, 100, 100) }),
      { freq: 4 },
    ))),
  sticky: often(15),
  flushOnDown: often(80),
  auto: often(70),
  long: often(20),
  allPorts: often(10),
  vip: fc.nat({ max: 2 }),
});

/** A file as somebody might write it. */
export const anyFile: fc.Arbitrary<SiteFile> = fc.record({
  backends: fc.tuple(...Array.from({ length: BACKENDS }, (_, i) => backendLine(i))),
  frontends: fc.tuple(...Array.from({ length: FRONTENDS }, () => frontendLine)),
  rise: fc.integer({ min: 1, max: 3 }),
  fall: fc.integer({ min: 1, max: 3 }),
  keepForeign: often(25),
});

/** One edit of the file. */
export type Edit =
  | {
    readonly kind: "rename" | "move" | "enabled" | "checked" | "backend";
    readonly at: number;
    readonly to: number;
  }
  | { readonly kind: "exchange"; readonly at: number; readonly to: number }
  | { readonly kind: "rule"; readonly rise: number; readonly fall: number }
  | { readonly kind: "frontend"; readonly at: number; readonly line: FrontendLine };

const place = fc.nat({ max: BACKENDS - 1 });

/** An edit at random; renames, new addresses and exchanges most of all. */
export const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("rename", "rename", "move", "move", "enabled", "checked", "backend"),
      at: place,
      to: fc.nat({ max: HOSTS - 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("exchange"), at: place, to: place }) },
  fc.record({
    kind: fc.constant("rule"),
    rise: fc.integer({ min: 1, max: 3 }),
    fall: fc.integer({ min: 1, max: 3 }),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("frontend"),
      at: fc.nat({ max: FRONTENDS - 1 }),
      line: frontendLine,
    }),
  },
);

/** The file after an edit. */
export function edited(file: SiteFile, edit: Edit): SiteFile {
  const backends = [...file.backends];
  const change = (at: number, more: Partial<BackendLine>) => {
    const line = backends[at];
    if (line !== undefined) backends[at] = { ...line, ...more };
  };
  const line = backends[edit.kind === "rule" || edit.kind === "frontend" ? 0 : edit.at];
  if (line === undefined) return file;
  switch (edit.kind) {
    case "rule":
      return { ...file, rise: edit.rise, fall: edit.fall };
    case "frontend":
      return { ...file, frontends: file.frontends.map((one, i) => i === edit.at ? edit.line : one) };
    case "rename":
      change(edit.at, { name: line.name + 1 });
      break;
    case "move":
      change(edit.at, { host: edit.to });
      break;
    case "exchange":
      change(edit.at, { host: backends[edit.to]?.host ?? line.host });
      change(edit.to, { host: line.host });
      break;
    case "enabled":
      change(edit.at, { enabled: !line.enabled });
      break;
    case "checked":
      change(edit.at, { checked: !line.checked });
      break;
    case "backend":
      change(edit.at, { present: !line.present });
  }
  return { ...file, backends };
}

/** Address of a host. */
export const hostAddress = (host: number): IpAddress => ip(`10.0.0.${host + 1}`);

/** All hosts. */
export const hosts: readonly IpAddress[] = Array.from({ length: HOSTS }, (_, i) => hostAddress(i));

/** The configuration of a file; what the checker would refuse is left out. */
export function configOfFile(file: SiteFile): Config {
  const taken = new Set<number>();
  const lines = file.backends.map((line) => {
    if (!line.present || taken.has(line.host)) return null;
    taken.add(line.host);
    return line;
  });
  const names = file.backends.map((line, i) => `b${i}${"x".repeat(line.name % 4)}`);
  const backends = lines.flatMap((line, i): Backend[] =>
    line === null
      ? []
      : [backend(names[i] ?? "", hostAddress(line.host), line.checked ? "web" : null, line.enabled)]
  );
  const whole = new Set<number>();
  const used = new Set<number>();
  const frontends = file.frontends.flatMap((line, f): Frontend[] => {
    const pools: Record<string, Record<string, number>> = {};
    for (const pool of [0, 1]) {
      const members = line.members.flatMap((member, i) =>
        member === null || member.pool !== pool || lines[i] === null
          ? []
          : [[names[i] ?? "", member.weight] as const]
      );
      if (members.length > 0) pools[pool === 0 ? "primary" : "spare"] = Object.fromEntries(members);
    }
    if (!line.present || Object.keys(pools).length === 0) return [];
    if (whole.has(line.vip) || (line.allPorts && used.has(line.vip))) return [];
    used.add(line.vip);
    if (line.allPorts) whole.add(line.vip);
    return [frontend(`f${f}`, `192.0.2.${line.vip + 1}`, pools, {
      port: line.allPorts ? 0 : 80 + f,
      protocol: line.allPorts ? "any" : "tcp",
      srcIpSticky: line.sticky,
      flushOnDown: line.flushOnDown,
      newFlowsTableLengthAuto: line.auto,
      newFlowsTableLength: line.long ? 2048 : 1024,
    })];
  });
  return coreConfig({
    checks: [tcpCheck("web", { rise: file.rise, fall: file.fall })],
    backends,
    frontends,
    lb: { foreignVips: file.keepForeign ? "keep" : "delete" },
  });
}

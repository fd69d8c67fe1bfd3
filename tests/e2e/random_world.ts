/** Random worlds: backends of every kind, and frontends over them. */
import fc from "fast-check";
import { lbSettings } from "./world.ts";

/** What a backend is like; `off` is disabled in the file, `silent` takes connections and never answers. */
export type Kind = "alive" | "dead" | "static" | "off" | "silent";

interface Member {
  readonly backend: number;
  readonly weight: number;
}

/** A frontend with up to three pools. */
export interface RandomFrontend {
  readonly pools: readonly (readonly Member[])[];
  readonly service: "tcp" | "udp" | "any";
  readonly v6: boolean;
  readonly sticky: boolean;
  readonly flushOnDown: boolean;
  readonly length: "auto" | "256" | "4096";
}

/** Backends and frontends at random. */
export interface RandomWorld {
  readonly kinds: readonly Kind[];
  readonly frontends: readonly RandomFrontend[];
  /** By how many places the backends' addresses are shifted, in a circle. */
  readonly shift: number;
  /** Which backends have their second name: from one world to another that is a rename. */
  readonly second: readonly boolean[];
}

/** Backends of every world. */
export const hosts = 6;

/** Splits members among up to three pools, each backend at most once. */
const pools = fc.array(
  fc.record({
    backend: fc.nat(hosts - 1),
    weight: fc.constantFrom(0, 1, 50, 100, 100),
    pool: fc.nat(2),
  }),
  { minLength: 1, maxLength: hosts },
).map((members) => {
  const once = [...new Map(members.map((member) => [member.backend, member])).values()];
  return [0, 1, 2].map((pool) => once.filter((member) => member.pool === pool)).filter((list) =>
    list.length > 0
  );
});

/** Worlds with backends of these kinds. */
export function anyWorld(kinds: readonly Kind[]): fc.Arbitrary<RandomWorld> {
  return fc.record({
    kinds: fc.array(fc.constantFrom(...kinds), { minLength: hosts, maxLength: hosts }),
    frontends: fc.array(
      fc.record({
        pools,
        service: fc.constantFrom<RandomFrontend["service"]>("tcp", "udp", "any"),
        v6: fc.boolean(),
        sticky: fc.boolean(),
        flushOnDown: fc.boolean(),
        length: fc.constantFrom<RandomFrontend["length"]>("auto", "auto", "256", "4096"),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    shift: fc.constantFrom(0, 0, 1, 3),
    second: fc.array(fc.constantFrom(false, false, true), { minLength: hosts, maxLength: hosts }),
  });
}

/** Name of a backend. */
export function backendName({ second }: RandomWorld, backend: number): string {
  return second[backend] === true ? `b${backend}-again` : `b${backend}`;
}

/** All addresses. */
export const addresses: readonly string[] = Array.from({ length: hosts }, (_, i) => `127.77.53.${i + 1}`);

/** Address of a backend. */
export function address({ shift }: RandomWorld, backend: number): string {
  return addresses[(backend + shift) % hosts] ?? "";
}

/** VIP of a frontend, with its prefix length. */
export const prefix = (frontend: number, v6: boolean): string =>
  v6 ? `2001:db8:53::${frontend + 1}/128` : `198.51.100.${frontend + 1}/32`;

/** The world's maglev.yaml; what is dead is so by its port. */
export function worldConfig(world: RandomWorld, port: number): string {
  const { frontends, kinds } = world;
  const backends = kinds.map((kind, i) => {
    const check = kind === "static"
      ? ""
      : `, healthcheck: ${kind === "alive" || kind === "off" ? "tcp" : kind}`;
    return `    ${backendName(world, i)}: { address: ${address(world, i)}${check}${
      kind === "off" ? ", enabled: false" : ""
    } }\n`;
  });
  const shown = frontends.map((frontend, f) => {
    const { flushOnDown, length, service, sticky, v6 } = frontend;
    const list = frontend.pools.map((members, p) =>
      `{ name: p${p}, backends: { ${
        members.map(({ backend, weight }) => `${backendName(world, backend)}: { weight: ${weight} }`).join(
          ", ",
        )
      } } }`
    );
    return `    f${f}:
      address: ${prefix(f, v6).split("/")[0]}
${service === "any" ? "" : `      protocol: ${service}\n      port: 80\n`}      src-ip-sticky: ${sticky}
      flush-on-down: ${flushOnDown}
      new-flows-table-length: ${length}
      pools: [${list.join(", ")}]
`;
  });
  return `maglev:
${lbSettings}  healthchecks:
    tcp: { type: tcp, port: ${port}, interval: 100ms, fast-interval: 20ms, timeout: 5s, rise: 1, fall: 1 }
    dead: { type: tcp, port: 1, interval: 100ms, fast-interval: 20ms, timeout: 5s, rise: 1, fall: 1 }
    silent: { type: http, port: ${port}, interval: 1h, timeout: 1h }
  backends:
${backends.join("")}  frontends:
${shown.join("")}`;
}

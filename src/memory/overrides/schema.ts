/**
 * Overrides as `state.json` holds them.
 *
 * @module
 */
import { z } from "zod";
import type { IpAddress } from "../../model.ts";
import { err, ok, type Result } from "../../result.ts";
import type { LeftOverrides } from "./override.ts";

const address = z.custom<IpAddress>((value) => typeof value === "string" && /^[0-9a-f:.]{2,45}$/.test(value));
const name = z.string().max(64);
const time = z.number();

const overrideHead = {
  id: z.string().min(1).max(256),
  scope: z.enum(["here", "everywhere"]),
  backend: name,
  by: z.string(),
  claimed: z.string().nullable(),
  reason: z.string().nullable(),
  since: time,
  end: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("hour"), until: time }),
    z.strictObject({ kind: z.literal("duration"), until: time, left: time, at: time }),
  ]).nullable(),
  seen: z.strictObject({ address, value: z.union([z.boolean(), z.number()]) }).nullable(),
  sleeping: z.strictObject({ since: time, why: z.string() }).nullable(),
  restored: z.boolean(),
};

const leftOverrides = z.strictObject({
  list: z.array(z.discriminatedUnion("kind", [
    z.strictObject({
      ...overrideHead,
      kind: z.enum(["pause", "disable", "enable"]),
      against: z.string().nullable(),
    }),
    z.strictObject({
      ...overrideHead,
      kind: z.literal("weight"),
      frontend: name,
      pool: name,
      weight: z.int().min(0).max(100),
    }),
  ])),
  backends: z.array(z.strictObject({ name, address })),
});

/** Reads what an earlier process left; an error says in a few words what is wrong. */
export function parseLeftOverrides(value: unknown): Result<LeftOverrides, string> {
  const left = leftOverrides.safeParse(value);
  return left.success ? ok(left.data) : err(left.error.issues[0]?.message ?? "not as expected");
}

/** Without what only this process knows, so that a restart in an unchanged world writes nothing. */
export function forNext({ backends, list }: LeftOverrides): LeftOverrides {
  const plain = list.map((one) => {
    const { end } = one;
    return { ...one, restored: true, end: end?.kind === "duration" ? { ...end, at: 0 } : end };
  });
  return { list: plain, backends };
}

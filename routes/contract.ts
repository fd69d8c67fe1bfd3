/**
 * Ties a zod schema to the type of the contract: one that says anything else does not compile.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";

/**
 * A schema whose output is `T`.
 *
 * @internal
 */
export type Schema<T> = z.ZodType<T>;

/**
 * A type of JSON written out, so that intersections and interfaces compare by what they hold. JSON has no
 * undefined: a key is there or not.
 */
export type Flat<T> = T extends readonly (infer E)[] ? Flat<E>[]
  : T extends object ? { [K in keyof T]: Flat<Exclude<T[K], undefined>> }
  : T;

/** True when both types have the same keys, the same optional marks and the same values, to any depth. */
export type Equal<A, B> = (<T>() => T extends Flat<A> ? 1 : 2) extends (<T>() => T extends Flat<B> ? 1 : 2)
  ? true
  : false;

/**
 * Names a schema as a component of the OpenAPI document and gives it the contract's type. `contract<T>()` takes
 * only a schema whose output is exactly `T`.
 *
 * @internal
 */
export function contract<T>(): <S extends z.ZodType>(
  name: string,
  schema: S & (Equal<z.output<S>, T> extends true ? unknown : { readonly "differs from the contract": T }),
) => Schema<T> {
  return (name, schema) => {
    // The comparison above proves the type; TypeScript cannot carry it from the conditional into the result.
    const named: z.ZodType = schema.openapi(name);
    return named as Schema<T>;
  };
}

/**
 * A value or null; a union, because a nullable component would make the component itself nullable.
 *
 * @internal
 */
export function orNull<S extends z.ZodType>(schema: S): z.ZodUnion<[S, z.ZodNull]> {
  return z.union([schema, z.null()]);
}

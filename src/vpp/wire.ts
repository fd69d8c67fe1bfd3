/**
 * Codecs of VPP's binary API as data. A field knows how to read and write one value; `struct` puts fields
 * together and TypeScript infers the shape of the whole. Everything is big-endian and unaligned.
 *
 * Reading never trusts a length: a value that does not fit raises `DecodeError` with the path of the field.
 *
 * @module
 */
import { family, octets } from "../net/ip.ts";
import type { IpAddress } from "../model.ts";
import { addressOctets, ip4Text, ip6Text, prefixOctets, prefixText } from "./addresstext.ts";

/** Octets that do not hold what the message's definition says; names message and field. */
export class DecodeError extends Error {
  /** Path of the field, outermost first, e.g. `lb_vip_details.vip.pfx`. */
  readonly field: string;
  /** What is wrong with it. */
  readonly problem: string;

  /** Makes the error of a field that cannot be read because of `problem`. */
  constructor(field: string, problem: string) {
    super(field === "" ? problem : `${field}: ${problem}`);
    this.name = "DecodeError";
    this.field = field;
    this.problem = problem;
  }

  /** The same error one level further out. */
  under(parent: string): DecodeError {
    return new DecodeError(this.field === "" ? parent : `${parent}.${this.field}`, this.problem);
  }
}

/** A value that a message's definition cannot carry; nothing of it was sent. */
export class EncodeError extends Error {
  /** Path of the field, outermost first. */
  readonly field: string;
  /** What is wrong with the value. */
  readonly problem: string;

  /** Makes the error of a field that cannot be written because of `problem`. */
  constructor(field: string, problem: string) {
    super(field === "" ? problem : `${field}: ${problem}`);
    this.name = "EncodeError";
    this.field = field;
    this.problem = problem;
  }

  /** The same error one level further out. */
  under(parent: string): EncodeError {
    return new EncodeError(this.field === "" ? parent : `${parent}.${this.field}`, this.problem);
  }
}

/** A place in octets that are being read. */
export class Cursor {
  /** The octets; those of the message are `at`...`end` - 1. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same octets for multi-octet numbers. */
  readonly view: DataView;
  /** Offset of the next octet. */
  at: number;
  /** Offset behind the last octet. */
  end: number;

  /** Starts at the first of `bytes`. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.end = bytes.length;
  }

  /** The octets from here to the end with a cursor of their own, for as long as wanted. */
  copy(): Cursor {
    return new Cursor(this.bytes.slice(this.at, this.end));
  }

  /** Moves past `count` octets and returns the offset of the first; throws DecodeError if they are not all there. */
  take(count: number): number {
    const at = this.at;
    if (at + count > this.end) throw new DecodeError("", `needs ${count} octets, ${this.end - at} left`);
    this.at = at + count;
    return at;
  }
}

/** A growing run of octets that are being written. */
export class Writer {
  /** The octets so far are the first `length` of these. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The same octets for multi-octet numbers. */
  view: DataView;
  /** How many octets were written. */
  length = 0;

  /** Starts empty with room for `capacity` octets. */
  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /**
   * Appends `count` zero octets and returns the offset of the first. It may replace `bytes` and `view`, so take
   * those after it.
   */
  room(count: number): number {
    const at = this.place(count);
    this.bytes.fill(0, at, at + count);
    return at;
  }

  /** Like `room`, for a caller that writes every octet itself: what they hold at first is not defined. */
  place(count: number): number {
    const at = this.length;
    const end = at + count;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    this.length = end;
    return at;
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}

/** How one value stands in a message. */
export interface Field<T> {
  /** Reads the value and moves on. Throws DecodeError. */
  read(from: Cursor): T;
  /** Appends the value. Throws EncodeError for one that the field cannot carry. */
  write(to: Writer, value: T): void;
}

/** Fields by name, in the order of the wire. */
export type Shape = Readonly<Record<string, Field<unknown>>>;

/** The value that a field or a shape carries. */
export type ValueOf<S> = S extends Field<infer T> ? T
  : { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

function uint(max: number, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new EncodeError("", `${value} is not an integer 0\u2026${max}`);
  }
  return value;
}

/** One octet, 0...255. */
export const u8: Field<number> = {
  read: (from) => from.bytes[from.take(1)] ?? 0,
  write: (to, value) => {
    const at = to.place(1);
    to.view.setUint8(at, uint(0xff, value));
  },
};

/** Two octets, 0...65535. */
export const u16: Field<number> = {
  read: (from) => from.view.getUint16(from.take(2)),
  write: (to, value) => {
    const at = to.place(2);
    to.view.setUint16(at, uint(0xffff, value));
  },
};

/** Two octets, 0...65535, least significant first: VPP does not swap `target_port` of `lb_vip_details`. */
export const u16le: Field<number> = {
  read: (from) => from.view.getUint16(from.take(2), true),
  write: (to, value) => {
    const at = to.place(2);
    to.view.setUint16(at, uint(0xffff, value), true);
  },
};

/** Four octets, 0...2^32-1. */
export const u32: Field<number> = {
  read: (from) => from.view.getUint32(from.take(4)),
  write: (to, value) => {
    const at = to.place(4);
    to.view.setUint32(at, uint(0xffffffff, value));
  },
};

/** Four octets, 0...2^32-1, least significant first: VPP does not swap `srv_type` of `lb_vip_details`. */
export const u32le: Field<number> = {
  read: (from) => from.view.getUint32(from.take(4), true),
  write: (to, value) => {
    const at = to.place(4);
    to.view.setUint32(at, uint(0xffffffff, value), true);
  },
};

/** Four octets with a sign, -2^31...2^31-1. */
export const i32: Field<number> = {
  read: (from) => from.view.getInt32(from.take(4)),
  write: (to, value) => {
    if (value !== (value | 0)) throw new EncodeError("", `${value} is not a 32-bit integer`);
    const at = to.place(4);
    to.view.setInt32(at, value);
  },
};

/** One octet; any value but 0 reads as true. */
export const bool: Field<boolean> = {
  read: (from) => from.bytes[from.take(1)] !== 0,
  write: (to, value) => {
    const at = to.place(1);
    to.view.setUint8(at, value ? 1 : 0);
  },
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Exactly `size` octets, padded with NUL; the text ends at the first NUL. At most `size` - 1 octets can be written. */
export function chars(size: number): Field<string> {
  return {
    read(from) {
      const at = from.take(size);
      const nul = from.bytes.indexOf(0, at);
      return decoder.decode(from.bytes.subarray(at, nul < 0 || nul > at + size ? at + size : nul));
    },
    write(to, value) {
      const text = encoder.encode(value);
      if (text.length >= size) throw new EncodeError("", `${text.length} octets do not fit char[${size}]`);
      const at = to.room(size);
      to.bytes.set(text, at);
    },
  };
}

/** A u32 length and as many octets of text, no NUL; at most `max` octets either way. */
export function text(max: number): Field<string> {
  return {
    read(from) {
      const length = u32.read(from);
      if (length > max) throw new DecodeError("", `string of ${length} octets, at most ${max} allowed`);
      const at = from.take(length);
      return decoder.decode(from.bytes.subarray(at, at + length));
    },
    write(to, value) {
      const octets = encoder.encode(value);
      if (octets.length > max) {
        throw new EncodeError("", `string of ${octets.length} octets, at most ${max} allowed`);
      }
      u32.write(to, octets.length);
      const at = to.room(octets.length);
      to.bytes.set(octets, at);
    },
  };
}

/** Exactly `size` octets as they stand. */
export function raw(size: number): Field<Uint8Array<ArrayBuffer>> {
  return {
    read(from) {
      const at = from.take(size);
      return from.bytes.slice(at, at + size);
    },
    write(to, value) {
      if (value.length !== size) throw new EncodeError("", `${value.length} octets instead of ${size}`);
      const at = to.room(size);
      to.bytes.set(value, at);
    },
  };
}

/** A count and as many items. */
export function counted<T>(count: Field<number>, item: Field<T>): Field<readonly T[]> {
  return {
    read(from) {
      const length = count.read(from);
      const items: T[] = [];
      for (let i = 0; i < length; i++) items.push(item.read(from));
      return items;
    },
    write(to, value) {
      count.write(to, value.length);
      for (const one of value) item.write(to, one);
    },
  };
}

/** Exactly `length` items. */
export function array<T>(length: number, item: Field<T>): Field<readonly T[]> {
  return {
    read(from) {
      return Array.from({ length }, () => item.read(from));
    },
    write(to, value) {
      if (value.length !== length) throw new EncodeError("", `${value.length} items instead of ${length}`);
      for (const one of value) item.write(to, one);
    },
  };
}

/** Fields one after the other. Errors carry the name of the field. */
export function struct<S extends Shape>(shape: S): Field<ValueOf<S>> {
  const names = Object.keys(shape);
  const fields = Object.values(shape);
  const empty: Record<string, unknown> = JSON.parse(
    JSON.stringify(shape, (key, field) => key === "" ? field : null),
  );
  return {
    read(from) {
      // A copy of an object with all its keys; adding them one by one costs half as much again.
      const value = { ...empty };
      let i = 0;
      try {
        for (const field of fields) {
          value[names[i] ?? ""] = field.read(from);
          i++;
        }
      } catch (error) {
        throw error instanceof DecodeError ? error.under(names[i] ?? "") : error;
      }
      return value as ValueOf<S>;
    },
    write(to, value) {
      let i = 0;
      try {
        for (const field of fields) {
          field.write(to, (value as Record<string, unknown>)[names[i] ?? ""]);
          i++;
        }
      } catch (error) {
        throw error instanceof EncodeError ? error.under(names[i] ?? "") : error;
      }
    },
  };
}

/** The 4 octets of an IPv4 address. */
export const ip4: Field<IpAddress> = {
  read: (from) => ip4Text(from.view, from.take(4)),
  write: (to, value) => {
    if (family(value) !== 4) throw new EncodeError("", `${value} is not an IPv4 address`);
    const at = to.place(4);
    to.bytes.set(octets(value), at);
  },
};

/** The 16 octets of an IPv6 address. */
export const ip6: Field<IpAddress> = {
  read: (from) => ip6Text(from.view, from.take(16)),
  write: (to, value) => {
    if (family(value) !== 6) throw new EncodeError("", `${value} is not an IPv6 address`);
    const at = to.room(16);
    to.bytes.set(octets(value), at);
  },
};

/** An address family octet (0 IPv4, 1 IPv6) and 16 octets, IPv4 in the first four. */
export const address: Field<IpAddress> = {
  read(from) {
    const at = from.take(17);
    const af = from.bytes[at];
    if (af === 0) return ip4Text(from.view, at + 1);
    if (af === 1) return ip6Text(from.view, at + 1);
    throw new DecodeError("", `unknown address family ${af}`);
  },
  write(to, value) {
    const made = addressOctets(value);
    const at = to.place(17);
    to.bytes.set(made, at);
  },
};

/** An address and its length in bits, as the text `address/length`. */
export const prefix: Field<string> = {
  read(from) {
    const at = from.take(18);
    const af = from.bytes[at] ?? 0;
    if (af > 1) throw new DecodeError("", `unknown address family ${af}`);
    return prefixText(from.view, at + 1, af === 1, from.bytes[at + 17] ?? 0);
  },
  write(to, value) {
    const made = prefixOctets(value);
    if (typeof made === "string") throw new EncodeError("", made);
    const at = to.place(18);
    to.bytes.set(made, at);
  },
};

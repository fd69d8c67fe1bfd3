/**
 * Errors that VPP answers, and errors that end a session with it.
 *
 * @module
 */

import { VppError } from "../lb/balancer.ts";

/** VPP's name of an error and what it means. */
export interface Retval {
  /** E.g. `VNET_API_ERROR_NO_SUCH_ENTRY`. */
  readonly name: string;
  /** One phrase for humans. */
  readonly text: string;
}

// Numbers and names are VPP's (vnet/error.h); the phrases say what they mean for a load balancer where they can.
const known: Readonly<Record<number, readonly [name: string, text: string]>> = {
  [-1]: ["UNSPECIFIED", "it failed, and VPP does not say why"],
  [-3]: ["NO_SUCH_FIB", "the routing table does not exist"],
  [-6]: ["NO_SUCH_ENTRY", "there is no such VIP, application server or route"],
  [-7]: ["INVALID_VALUE", "a value is not valid"],
  [-8]: ["INVALID_VALUE_2", "a second value is not valid"],
  [-9]: ["UNIMPLEMENTED", "VPP does not implement it"],
  [-11]: ["SYSCALL_ERROR_1", "a system call of VPP failed"],
  [-30]: ["FEATURE_DISABLED", "VPP's configuration disables the feature"],
  [-31]: ["INVALID_REGISTRATION", "VPP does not know this client"],
  [-57]: ["INVALID_SRC_ADDRESS", "the source address is not valid"],
  [-58]: ["INVALID_DST_ADDRESS", "the destination address is not valid"],
  [-59]: ["ADDRESS_LENGTH_MISMATCH", "the prefix length does not match"],
  [-65]: ["NO_SUCH_TABLE", "the table does not exist"],
  [-70]: ["INVALID_MEMORY_SIZE", "the size is not a power of two"],
  [-73]: ["INVALID_ARGUMENT", "another VIP on this prefix has another encapsulation"],
  [-77]: ["RESPONSE_NOT_READY", "VPP has no answer yet"],
  [-78]: ["NOT_CONNECTED", "VPP's data plane is not connected"],
  [-81]: ["VALUE_EXIST", "it exists already, or a VIP of this prefix stands in its way"],
  [-88]: ["IP_PREFIX_INVALID", "the address has bits set beyond the prefix"],
  [-97]: ["INVALID_ADDRESS_FAMILY", "the server's address family does not fit the VIP's encapsulation"],
  [-105]: ["ADDRESS_IN_USE", "the address is in use"],
  [-107]: ["QUEUE_FULL", "a queue of VPP is full"],
  [-116]: ["ENTRY_ALREADY_EXISTS", "the entry exists already"],
  [-126]: ["UNSUPPORTED", "VPP does not support it"],
  [-144]: ["INIT_FAILED", "VPP could not initialise it"],
  [-150]: ["INVALID_VALUE_3", "a third value is not valid"],
  [-153]: ["INVALID_PROTOCOL", "the protocol is not valid"],
  [-155]: ["RSRC_IN_USE", "the resource is in use"],
  [-159]: ["API_ENDIAN_FAILED", "VPP could not swap the octets of the message"],
  [-160]: ["NO_CHANGE", "nothing changed"],
  [-162]: ["LIMIT_EXCEEDED", "a limit of VPP is exceeded"],
  [-165]: ["EAGAIN", "VPP wants the request again"],
  [-167]: ["BUSY", "VPP is busy"],
  [-168]: ["BUG", "VPP found a bug in itself"],
  [-171]: ["INVALID_PREFIX_LENGTH", "the prefix length is not valid"],
};

/** Name and meaning of a retval that is not 0; a number that is not known is its own name. */
export function describeRetval(retval: number): Retval {
  const row = known[retval];
  return row === undefined
    ? { name: `VNET_API_ERROR_${retval}`, text: `error ${retval} that this version does not know` }
    : { name: `VNET_API_ERROR_${row[0]}`, text: row[1] };
}

/** VPP answered a request with an error where an answer was needed to go on. */
export class VppRetvalError extends VppError {
  /** Name of the message that was refused. */
  readonly msg: string;
  /** VPP's number, below 0. */
  readonly retval: number;
  /** VPP's name of it. */
  readonly code: string;

  /** Makes the error of message `msg` answered by `retval`; `detail` is VPP's own text where it sent one. */
  constructor(msg: string, retval: number, detail = "") {
    const { name, text } = describeRetval(retval);
    super(`${msg}: ${name} (${retval}): ${detail === "" ? text : detail.trim()}`);
    this.name = "VppRetvalError";
    this.msg = msg;
    this.retval = retval;
    this.code = name;
  }
}

/**
 * Why a session with VPP ended:
 *
 *   connect    the socket could not be opened
 *   closed     VPP closed the connection
 *   io         reading or writing failed
 *   deadline   a request was not answered in time
 *   malformed  a frame could not be decoded, or none like it was expected
 *   refused    VPP lacks messages, or another controller is connected
 *   stats      the stats segment was lost
 *   stopped    this daemon ended it
 */
export type SessionEnd =
  | "connect"
  | "closed"
  | "io"
  | "deadline"
  | "malformed"
  | "refused"
  | "stats"
  | "stopped";

/** The session with VPP is over; every request that had no answer yet is rejected with this. */
export class VppSessionError extends VppError {
  /** What kind of end. */
  readonly end: SessionEnd;

  /** Makes the error of a session that ended for the reason in `text`. */
  constructor(end: SessionEnd, text: string, options?: ErrorOptions) {
    super(text, options);
    this.name = "VppSessionError";
    this.end = end;
  }
}

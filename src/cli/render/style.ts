import type { Backend, Frontend, Vip } from "../../api/mod.ts";
import { shapes } from "../../text.ts";
import { type Inline, type Span, type Style, styled } from "../text.ts";

const stateStyles: Readonly<Record<Backend["state"], Style>> = {
  up: "green",
  down: "red",
  unknown: "yellow",
  paused: "cyan",
  disabled: "dim",
  removed: "dim",
};

/** A state as a word in its colour, within a sentence. */
export function stateWord(state: Backend["state"]): Span {
  return styled(stateStyles[state] ?? null, state);
}

/** A state as shape and word, in its colour; the word alone says it all. */
export function stateSpan(state: Backend["state"]): Span {
  const shape = shapes[state];
  return styled(stateStyles[state] ?? null, shape === undefined ? state : `${shape} ${state}`);
}

/** How far VPP follows a frontend, in its colour. */
export function syncSpan(vpp: Frontend["vpp"]): Span {
  return styled(vpp === "in-sync" ? "green" : vpp === "error" ? "red" : "yellow", vpp);
}

/** `tcp 80`, or `any` for an all-port VIP. */
export function portText(protocol: Vip["protocol"], port: number): string {
  return protocol === "any" ? "any" : `${protocol} ${port}`;
}

/** A VIP's name for a heading: the frontend's, or that it is foreign. */
export function vipName(frontend: string | null): Inline {
  return frontend === null ? styled("yellow", "(foreign)") : styled("bold", frontend);
}

/** `yes` or `no`. */
export function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}

/**
 * Whether a change of state ends the flows of a server. This is the one place that decides it: history, event and VPP's
 * message tell the value that a transition was given. Pure.
 *
 *   state entered               flows
 *   down                        end if the frontend has flush-on-down
 *   disabled                    end
 *   removed                     end: whatever is deleted is flushed
 *   unknown, up, paused         stay
 *
 * A first state after the daemon's start finds what was so before: a server that VPP has at weight 0 was flushed then.
 * So a first state ends flows only where VPP is known to have the server with a weight above 0, unless an operator
 * asked for it.
 *
 * The end of an override ends no flows: where it brings `disabled`, nobody asked for that now.
 *
 * @module
 */
import type { State } from "../model.ts";

/** What the decision depends on, for one backend in one frontend. */
export interface FlushCase {
  /** The state that is entered. */
  readonly to: State;
  /** Whether the frontend flushes backends that go down. */
  readonly flushOnDown: boolean;
  /** Whether it is the backend's first state in this process and no operator asked for it. */
  readonly first: boolean;
  /** Whether the end of an override brings it: that ends no flows. */
  readonly ended?: boolean;
  /** Weight that VPP is known to have for the server, 0…255; null: none, or not known. Asked only if it matters. */
  readonly weight: () => number | null;
}

/** Whether the flows of the server end. */
export function flushes({ to, flushOnDown, first, ended = false, weight }: FlushCase): boolean {
  if (to === "removed") return true;
  if (ended) return false;
  const ends = to === "disabled" || (to === "down" && flushOnDown);
  return ends && (!first || (weight() ?? 0) > 0);
}

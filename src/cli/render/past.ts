import type { Explain, JournalEntry, Replay } from "../../api/mod.ts";
import type { Verification } from "../../chain.ts";
import type { View } from "../context.ts";
import { type Block, pairs, table } from "../table.ts";
import { type Inline, type Line, line, styled } from "../text.ts";
import { ageText, agoText, countText, sentenceText, timeText } from "../units.ts";
import { stateSpan, stateWord } from "./style.ts";
import { overrideCause, whoText } from "./who.ts";

function entryWho({ by, claimed, reason }: JournalEntry): string {
  return [whoText({ by, claimed }), reason ?? ""].filter((text) => text !== "").join(": ");
}

/** `show events`: entries of the journal, oldest first. */
export function journalLines(entries: readonly JournalEntry[], view: View): Block[] {
  if (entries.length === 0) return [line("nothing happened")];
  return table(
    [{ title: "WHEN" }, { title: "KIND" }, { title: "WHAT", wrap: 26 }, { title: "WHO, WHY", wrap: 16 }],
    entries.map((entry) => [
      timeText(entry.at, view),
      entry.kind,
      sentenceText(entry.text, view),
      entryWho(entry),
    ]),
  );
}

/** `journal verify`; `oldest`: time of the oldest entry that is kept. */
export function verifiedLines(verified: Verification, oldest: string | null, view: View): Line[] {
  const entries = `${countText(verified.checked)} ${verified.checked === 1 ? "entry" : "entries"}`;
  if (!verified.ok) {
    return [
      line(styled("red", `the journal was changed: ${verified.detail}`), `, after ${entries} that are good`),
    ];
  }
  const { head } = verified;
  if (head === null || oldest === null) return [line("the journal holds no changes yet")];
  return [
    line(styled("green", "good"), `: ${entries} since ${timeText(oldest, view)}, the last is`),
    line(`head ${head.seq} ${head.chain}`),
  ];
}

type Member = Explain["members"][number];

function sentText({ sent }: Member, view: View): Inline {
  if (sent === null) return "nothing since the start";
  const result = sent.retval === 0 ? "" : styled("red", ` refused by VPP (${sent.retval})`);
  return [
    `weight ${sent.weight}${sent.flush ? ", flush" : ""}`,
    result,
    `, ${agoText(sent.at, view.now)} ago${sent.reason === "" ? "" : `: ${sent.reason}`}`,
  ];
}

function vppText({ in_vpp: has }: Member, view: View): Inline {
  if (has === null) return "not known";
  const buckets = has.num_buckets === null ? "" : `, ${countText(has.num_buckets)} buckets`;
  return `weight ${has.weight}${buckets}, read ${agoText(has.read_at, view.now)} ago`;
}

/** The chain from the file to VPP, one link a line. */
function chainLines(member: Member, view: View): Block[] {
  const { override } = member;
  const set = override === null ? "none" : [
    styled("yellow", override.kind === "weight" ? `weight ${override.weight ?? "?"}` : override.kind),
    ` ${overrideCause(override, view)}`,
  ];
  const reason = member.state_reason === "" ? "" : `: ${sentenceText(member.state_reason, view)}`;
  return [
    line(styled("bold", member.backend), ` in ${member.frontend}, pool ${member.pool}`),
    ...pairs([
      ["file", `weight ${member.file_weight}`],
      ["override", set],
      ["state", [stateSpan(member.state), ` for ${agoText(member.state_since, view.now)}${reason}`]],
      ["pool", `${member.in_use ? "in use" : "not in use"}: ${member.pool_reason}`],
      ["effective", `weight ${member.effective_weight}`],
      ["sent", sentText(member, view)],
      ["VPP has", vppText(member, view)],
    ], 2),
  ];
}

function memberTable(members: readonly Member[], view: View): Block[] {
  const pools = new Map(members.map((member) => [member.pool, member]));
  return [
    ...pairs(
      [...pools].map(([pool, { in_use, pool_reason }]) => [
        `pool ${pool}`,
        `${in_use ? "in use" : "not in use"}: ${pool_reason}`,
      ]),
    ),
    [],
    ...table(
      [
        { title: "BACKEND", wrap: 23 },
        { title: "POOL", spare: 3 },
        { title: "FILE", align: "right" },
        { title: "OVERRIDE", spare: 1 },
        { title: "STATE" },
        { title: "EFFECTIVE", align: "right" },
        { title: "SENT", align: "right", spare: 2 },
        { title: "VPP", align: "right" },
        { title: "WHY", wrap: 16 },
      ],
      members.map((member) => [
        styled("bold", member.backend),
        member.pool,
        member.file_weight,
        member.override === null
          ? "-"
          : member.override.kind === "weight"
          ? String(member.override.weight ?? "?")
          : member.override.kind,
        stateSpan(member.state),
        member.effective_weight,
        member.sent === null ? "-" : member.sent.weight,
        member.in_vpp === null ? "-" : member.in_vpp.weight,
        sentenceText(member.state_reason, view),
      ]),
    ),
  ];
}

/** More members than this are rows of a table, and not chains. */
const fewMembers = 6;

/** `explain frontend` and `explain backend` */
export function explainLines(explain: Explain, asked: string | null, now: View): Block[] {
  const { members, text, at } = explain;
  // Ages are those of the moment that was asked about.
  const view = asked === null ? now : { ...now, now: Date.parse(at) };
  return [
    ...(asked === null ? [] : [line(styled("dim", `as it was at ${timeText(at, view)}`))]),
    line(sentenceText(text, view)),
    [],
    ...(members.length > fewMembers
      ? memberTable(members, view)
      : members.flatMap((member, i) => [...(i === 0 ? [] : [[]]), ...chainLines(member, view)])),
  ];
}

function spanOf(ns: string): string {
  return ageText(Number(ns) / 1e9);
}

/** `replay backend` */
export function replayLines(replay: Replay, view: View): Block[] {
  const { rule, recorded, replayed, gaps, exact } = replay;
  const name = `rise ${rule.rise}, fall ${rule.fall}`;
  return [
    line(
      styled("bold", replay.backend),
      ` from ${timeText(replay.since, view)} to ${timeText(replay.until, view)}`,
    ),
    [],
    ...table(
      [{ title: "RULE", wrap: 20 }, { title: "TIMES DOWN", align: "right" }, {
        title: "TIME DOWN",
        align: "right",
      }],
      [
        ["what happened", countText(recorded.downs), spanOf(recorded.down_ns)],
        [
          exact ? `${name} (the rule in force)` : `${name} (an estimate)`,
          countText(replayed.downs),
          spanOf(replayed.down_ns),
        ],
      ],
    ),
    ...(gaps === 0 ? [] : [
      line(
        styled(
          "yellow",
          `no results were kept ${gaps === 1 ? "once" : `${countText(gaps)} times`} in between`,
        ),
      ),
    ]),
    ...(replayed.transitions.length === 0 ? [] : [
      [],
      ...table(
        [{ title: "WHEN" }, { title: "TO" }, { title: "WHY" }],
        replayed.transitions.map(({ at, to, code }) => [timeText(at, view), stateWord(to), code]),
      ),
    ]),
  ];
}

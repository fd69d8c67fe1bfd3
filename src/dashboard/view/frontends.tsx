import { useState } from "preact/hooks";
import { clean, rateText, wordOf } from "../state/format.ts";
import { model, words } from "../state/store.ts";
import {
  type PageBackend,
  type PageFrontend,
  type PageMember,
  type Rate,
  wantedShares,
} from "../state/model.ts";
import { memo } from "./memo.tsx";
import { Age, LastResult, Link, Pips, Quantiles, ShareBar, Spark, StateMark, WeightBar } from "./parts.tsx";

/** Of so many frontends there is a row; the search finds the others. */
const rowLimit = 1000;
/** Up to so many frontends are cards. */
const cardLimit = 12;

/** How VPP has a frontend, in words. */
const vppWords: Readonly<Record<string, string>> = {
  "off": "VPP is off",
  "disconnected": "VPP is away",
  "held": "changes are held",
  "pending": "is being sent",
  "error": "VPP refused it",
  "drift": "VPP drifted",
  "in-sync": "in sync",
};

/** Frontends with their pools in order, the one in use marked. */
export function Frontends() {
  const { backends, frontends, rates } = model.value;
  const shown = [...frontends.values()].filter((frontend) => {
    const members = frontend.pools.flatMap((pool) =>
      pool.backends.map(({ name, address }) => `${name} ${address}`)
    );
    const text = `${frontend.name} ${frontend.description} ${frontend.address} ${members.join(" ")}`
      .toLowerCase();
    return words.value.every((word) => text.includes(word));
  });
  // By the file, not by the filter: what is looked at must not change its form while somebody types.
  const cards = frontends.size <= cardLimit;
  return (
    <section id="frontends" aria-labelledby="frontends-title">
      <h2 id="frontends-title">
        Frontends <span class="dim">{shown.length} of {frontends.size}</span>
      </h2>
      <div class={cards ? "cards" : "cards rows"}>
        {shown.slice(0, rowLimit).map((frontend) => (
          <FrontendCard
            key={frontend.name}
            frontend={frontend}
            backends={backends}
            rates={rates}
            open={cards || frontend.state !== "up"}
          />
        ))}
      </div>
    </section>
  );
}

interface CardProps {
  readonly frontend: PageFrontend;
  readonly backends: ReadonlyMap<string, PageBackend>;
  readonly rates: ReadonlyMap<string, Rate>;
  readonly open: boolean;
}

function FrontendCard({ backends, frontend, open, rates }: CardProps) {
  const place = frontend.protocol === "any"
    ? frontend.address
    : `${frontend.address} ${frontend.protocol}/${frontend.port}`;
  const rate = rates.get(`vip ${frontend.name}`);
  const inUse = frontend.pools.find(({ active }) => active)?.backends ?? [];
  // Up, but with fewer servers than the file has in this pool.
  const less = frontend.state === "up" && inUse.some(({ state }) => state !== "up");
  const detail = frontend.vpp_detail ?? "";
  // What is closed is not made: 300 backends behind 40 frontends would be twice as many rows.
  const [shown, setShown] = useState(open);
  return (
    <details
      class={`card ${frontend.state} ${less ? "less" : ""}`}
      open={open}
      onToggle={(event) => setShown(event.currentTarget.open)}
    >
      <summary>
        <StateMark state={frontend.state} />
        <span class="dim">
          <Age time={frontend.since} />
        </span>
        <b class="name">
          <bdi>{clean(frontend.name)}</bdi>
        </b>
        <span class="address">{clean(place)}</span>
        <span class="about">
          <bdi>{clean(frontend.description ?? "")}</bdi>
        </span>
        <span class="grow" />
        <span class={`sync ${frontend.vpp}`}>
          {wordOf(vppWords, frontend.vpp) ?? clean(frontend.vpp)}
        </span>
        <span class="rate num">{rateText(rate?.now)} packets/s</span>
      </summary>
      {detail === "" ? null : (
        <p class={`detail sync ${frontend.vpp}`}>
          <bdi>{clean(detail)}</bdi>
        </p>
      )}
      {shown ? <Members frontend={frontend} backends={backends} rates={rates} /> : null}
      <p class="more">
        <Link kind="frontend" name={frontend.name}>details of {clean(frontend.name)}</Link>
      </p>
    </details>
  );
}

/** The pools of a frontend, in order, and their members. */
function Members({ backends, frontend, rates }: Omit<CardProps, "open">) {
  const wanted = wantedShares(frontend);
  return (
    <div class="scroll">
      <table class="stack members">
        <thead>
          <tr>
            <th scope="col">backend</th>
            <th scope="col">state</th>
            <th scope="col">for</th>
            <th scope="col">health</th>
            <th scope="col">check</th>
            <th scope="col">last result</th>
            <th scope="col">p50 / p95</th>
            <th scope="col">last 60 probes</th>
            <th scope="col">weight</th>
            <th scope="col">share</th>
            <th scope="col" class="num">packets/s</th>
          </tr>
        </thead>
        {frontend.pools.map((pool) => (
          <tbody key={pool.name} class={pool.active ? "active" : ""}>
            <tr class="pool">
              <th colSpan={11} scope="rowgroup">
                <span aria-hidden="true">{pool.active ? "▶" : "▷"}</span> pool <bdi>{clean(pool.name)}</bdi>
                {pool.active ? " · in use" : ""}
              </th>
            </tr>
            {pool.backends.map((member) => (
              <MemberRow
                key={member.name}
                member={member}
                backend={backends.get(member.name)}
                wanted={wanted.get(member.name) ?? 0}
                rate={rates.get(`server ${member.address}`)?.now}
              />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

interface MemberProps {
  readonly member: PageMember;
  readonly backend: PageBackend | undefined;
  readonly wanted: number;
  readonly rate: number | null | undefined;
}

const MemberRow = memo(function MemberRow({ backend, member, rate, wanted }: MemberProps) {
  return (
    <tr class={`row ${member.state}`}>
      <td>
        <Link kind="backend" name={member.name} /> <span class="address">{clean(member.address)}</span>
      </td>
      <td>
        <StateMark state={member.state} />
      </td>
      <td class="num">
        <Age time={backend?.since} />
      </td>
      <td>
        <Pips health={backend?.health} />
      </td>
      <td class="less">{clean(backend?.healthcheck ?? "–")}</td>
      <td class="wide">
        <LastResult backend={backend} />
      </td>
      <td>
        <Quantiles backend={backend} />
      </td>
      <td class="less">
        <Spark spark={backend?.latency?.spark} />
      </td>
      <td>
        <WeightBar effective={member.effective_weight} weight={member.weight} file={member.file_weight} />
      </td>
      <td>
        <ShareBar real={member.share} wanted={wanted} />
      </td>
      <td class="num" data-unit="packets/s">{rateText(rate)}</td>
    </tr>
  );
});

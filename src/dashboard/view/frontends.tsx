import { memo } from "preact/compat";
import type { Frontend } from "../../api/mod.ts";
import { clean, percentText, rateText } from "../state/format.ts";
import { model, query } from "../state/store.ts";
import type { PageBackend, PageMember, Rate } from "../state/model.ts";
import { Age, LastResult, Link, Pips, Quantiles, Spark, StateMark, WeightBar } from "./parts.tsx";

/** Up to so many frontends are cards. */
const cardLimit = 12;

/** Frontends with their pools in order, the one in use marked. */
export function Frontends() {
  const { backends, frontends, rates } = model.value;
  const words = query.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const shown = [...frontends.values()].filter((frontend) => {
    const members = frontend.pools.flatMap((pool) =>
      pool.backends.map(({ name, address }) => `${name} ${address}`)
    );
    const text = `${frontend.name} ${frontend.description} ${frontend.address} ${members.join(" ")}`
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const cards = shown.length <= cardLimit;
  return (
    <section id="frontends" aria-label="frontends">
      <h2>Frontends</h2>
      <div class={cards ? "cards" : "rows"}>
        {shown.map((frontend) => (
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
  readonly frontend: Frontend;
  readonly backends: ReadonlyMap<string, PageBackend>;
  readonly rates: ReadonlyMap<string, Rate>;
  readonly open: boolean;
}

function FrontendCard({ backends, frontend, open, rates }: CardProps) {
  const place = frontend.protocol === "any"
    ? frontend.address
    : `${frontend.address} ${frontend.protocol}/${frontend.port}`;
  const rate = rates.get(`vip ${frontend.name}`);
  return (
    <details class={`card ${frontend.state}`} open={open}>
      <summary>
        <StateMark state={frontend.state} /> <Link kind="frontend" name={frontend.name} />{" "}
        <span class="dim">{place}</span> <span class={`sync ${frontend.vpp}`}>{frontend.vpp}</span>{" "}
        <span class="num">{rateText(rate?.now)} packets/s</span>{" "}
        <span class="dim">
          for <Age time={frontend.since} />
        </span>
      </summary>
      {frontend.description === "" ? null : (
        <p class="dim">
          <bdi>{clean(frontend.description)}</bdi>
        </p>
      )}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>backend</th>
              <th>state</th>
              <th>for</th>
              <th>health</th>
              <th>last result</th>
              <th>p50 / p95</th>
              <th>last 60 probes</th>
              <th>weight</th>
              <th>share</th>
              <th>packets/s</th>
            </tr>
          </thead>
          {frontend.pools.map((pool) => (
            <tbody key={pool.name} class={pool.active ? "active" : ""}>
              <tr class="pool">
                <th colSpan={10}>
                  {pool.active ? "▶ " : ""}pool <bdi>{clean(pool.name)}</bdi>
                  {pool.active ? " (in use)" : ""}
                </th>
              </tr>
              {pool.backends.map((member) => (
                <MemberRow
                  key={member.name}
                  member={member}
                  backend={backends.get(member.name)}
                  rate={rates.get(`server ${member.address}`)}
                />
              ))}
            </tbody>
          ))}
        </table>
      </div>
    </details>
  );
}

interface MemberProps {
  readonly member: PageMember;
  readonly backend: PageBackend | undefined;
  readonly rate: Rate | undefined;
}

const MemberRow = memo(function MemberRow({ backend, member, rate }: MemberProps) {
  return (
    <tr>
      <td>
        <Link kind="backend" name={member.name} /> <span class="dim">{member.address}</span>
      </td>
      <td>
        <StateMark state={member.state} />
      </td>
      <td class="num">
        <Age time={backend?.since} />
      </td>
      <td>{backend === undefined ? "–" : <Pips health={backend.health} />}</td>
      <td>{backend === undefined ? "–" : <LastResult backend={backend} />}</td>
      <td>{backend === undefined ? "–" : <Quantiles backend={backend} />}</td>
      <td>
        <Spark spark={backend?.latency?.spark} />
      </td>
      <td>
        <WeightBar effective={member.effective_weight} weight={member.weight} file={member.file_weight} />
      </td>
      <td class="num">{percentText(member.share)}</td>
      <td class="num">{rateText(rate?.now)}</td>
    </tr>
  );
});

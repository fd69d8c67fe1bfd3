import { signal } from "@preact/signals";
import type { Change, Plan } from "../../api/mod.ts";
import { ApiError } from "../state/client.ts";
import { clean, clockText, percentText, rateText } from "../state/format.ts";
import { asked, mayChange, model, readPlan } from "../state/store.ts";
import { Age } from "./parts.tsx";
import { Plot } from "./plot.tsx";

const trouble = signal("");

async function askPlan(): Promise<void> {
  trouble.value = "";
  try {
    await readPlan();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    trouble.value = error.message;
  }
}

/** Connection, plan, counters and the last syncs. */
export function Vpp() {
  const { frontends, link, plan, rates, counters, syncs, vpp } = model.value;
  const lines = [...frontends.keys()].flatMap((name) => {
    const rate = rates.get(`vip ${name}`);
    return rate === undefined ? [] : [{ label: name, rate }];
  }).slice(0, 8);
  return (
    <section id="vpp" aria-label="VPP">
      <h2>VPP</h2>
      {vpp === null
        ? <p>{link === "off" ? "switched off" : link === "disconnected" ? "not connected" : "not known"}</p>
        : (
          <p>
            version {clean(vpp.version)}, pid {vpp.pid}, up for <Age time={vpp.boottime} />, connected for
            {" "}
            <Age time={vpp.connecttime} />
          </p>
        )}
      <p>
        <button type="button" onClick={() => void askPlan()}>show the plan</button>{" "}
        <span class="bad">{trouble.value}</span>
      </p>
      {plan === null ? null : <PlanTable plan={plan} />}
      {lines.length === 0 ? null : <Plot title="packets a second by frontend" lines={lines} />}
      {counters === null || counters.servers.length === 0 ? null : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>server</th>
                <th>packets/s</th>
                <th>packets</th>
                <th>octets</th>
              </tr>
            </thead>
            <tbody>
              {counters.servers.map((server) => (
                <tr key={server.address}>
                  <td>
                    <bdi>{clean(server.backend ?? server.address)}</bdi>
                  </td>
                  <td class="num">{rateText(rates.get(`server ${server.address}`)?.now)}</td>
                  <td class="num">{server.packets.toLocaleString("en")}</td>
                  <td class="num">{server.bytes.toLocaleString("en")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {syncs === null || syncs.length === 0 ? null : (
        <details>
          <summary>last {syncs.length} syncs</summary>
          <ul class="plain">
            {syncs.map((entry) => (
              <li key={entry.seq}>
                {clockText(entry.at)} <bdi>{clean(entry.text)}</bdi>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

const signs: Readonly<Record<string, string>> = {
  vip_added: "+",
  as_added: "+",
  vip_removed: "−",
  as_removed: "−",
};

function changeText(change: Change): string {
  const where = change.frontend ?? change.prefix ?? "settings";
  const who = change.backend ?? change.address ?? "";
  const weight = change.weight_after === null && change.weight_before === null
    ? ""
    : ` ${change.weight_before ?? "–"} → ${change.weight_after ?? "–"}`;
  return `${where} ${who}${weight}${change.flush ? " flush" : ""}`;
}

function PlanTable({ plan }: { readonly plan: Plan }) {
  if (plan.changes.length === 0) return <p class="good">● nothing to do</p>;
  return (
    <div>
      <ul class="diff">
        {plan.changes.map((change) => (
          <li key={change.seq} class={change.traffic_affecting ? "bad" : ""}>
            <b>{signs[change.kind] ?? "~"}</b> {change.kind.replaceAll("_", " ")}{" "}
            <bdi>{clean(changeText(change))}</bdi>{" "}
            <span class="dim">
              <bdi>{clean(change.reason)}</bdi>
              {change.held === null ? "" : ` (held: ${clean(change.held)})`}
            </span>
          </li>
        ))}
      </ul>
      {plan.predictions.map((prediction) => (
        <div key={`${prediction.prefix} ${prediction.protocol} ${prediction.port}`} class="scroll">
          <table>
            <caption>
              {clean(prediction.frontend ?? prediction.prefix)}: {percentText(prediction.moved_share)}{" "}
              of new flows move, at least {percentText(prediction.least_share)}
            </caption>
            <thead>
              <tr>
                <th>server</th>
                <th>share before</th>
                <th>share after</th>
              </tr>
            </thead>
            <tbody>
              {prediction.servers.map((server) => (
                <tr key={server.address}>
                  <td>
                    <bdi>{clean(server.backend ?? server.address)}</bdi>
                  </td>
                  <td class="num">{percentText(server.share_before)}</td>
                  <td class="num">{percentText(server.share_after)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ))}
      {mayChange.value
        ? (
          <button type="button" onClick={() => asked.value = { kind: "sync", digest: plan.digest }}>
            send exactly this plan
          </button>
        )
        : null}
    </div>
  );
}

import type { Change, Plan } from "../../api/mod.ts";
import { clean, clockText, percentText, rateText, wordOf } from "../state/format.ts";
import { asked, mayChange, model, readPlan } from "../state/store.ts";
import { Age } from "./parts.tsx";
import { Plot } from "./plot.tsx";

/** Lines in one plot; more cannot be told apart. */
const plotLimit = 8;
/** Least width of the plot, in seconds. */
const plotSeconds = 240;

/** Connection, plan, counters and the last syncs. */
export function Vpp() {
  const { frontends, link, plan, planTrouble, rates, counters, syncs, vpp } = model.value;
  const lines = [...frontends.keys()].flatMap((name) => {
    const rate = rates.get(`vip ${name}`);
    return rate === undefined || rate.past.length === 0 ? [] : [{ label: clean(name), points: rate.past }];
  }).slice(0, plotLimit);
  const connected = vpp !== null && link !== "disconnected";
  return (
    <section id="vpp" aria-labelledby="vpp-title">
      <h2 id="vpp-title">VPP</h2>
      <div class="line">
        {!connected
          ? (
            <span>
              {link === "off" ? "VPP is switched off" : link === "disconnected" ? "VPP is away" : "not known"}
            </span>
          )
          : (
            <span>
              version <bdi>{clean(vpp.version)}</bdi>, pid {vpp.pid}, up for{" "}
              <Age time={vpp.boottime} />, connected for <Age time={vpp.connecttime} />
            </span>
          )}
        <button type="button" onClick={() => void readPlan()}>
          {plan === null ? "show the plan" : "read the plan again"}
        </button>
        <span class="bad" role="alert">{clean(planTrouble)}</span>
      </div>
      {plan === null ? null : <PlanTable plan={plan} />}
      <div class="halves">
        {lines.length === 0
          ? null
          : <Plot title="packets/s by frontend" lines={lines} seconds={plotSeconds} text={rateText} />}
        {counters === null || counters.servers.length === 0 ? null : (
          <div class="scroll panel counters">
            <table>
              <thead>
                <tr>
                  <th scope="col">server</th>
                  <th scope="col" class="num">packets/s</th>
                  <th scope="col" class="num">packets</th>
                  <th scope="col" class="num">octets</th>
                </tr>
              </thead>
              <tbody>
                {counters.servers.map((server) => (
                  <tr key={server.address} class="row">
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
      </div>
      {syncs === null || syncs.length === 0 ? null : (
        <details class="panel">
          <summary>the last {syncs.length} syncs that changed something</summary>
          <ul class="plain">
            {syncs.map((entry) => (
              <li key={entry.seq}>
                <time title={entry.at}>{clockText(entry.at)}</time> <bdi>{clean(entry.text)}</bdi>
                {entry.reason === null ? null : (
                  <span class="dim">
                    {" "}
                    <bdi>{clean(entry.reason)}</bdi>
                  </span>
                )}
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

function kindClass({ kind, traffic_affecting }: Change): string {
  const sign = wordOf(signs, kind) === "+" ? "added" : wordOf(signs, kind) === "−" ? "taken" : "altered";
  return `${sign} ${traffic_affecting ? "traffic" : ""}`;
}

function changeText(change: Change): string {
  const where = change.frontend ?? change.prefix ?? "settings";
  const who = change.backend ?? change.address ?? "";
  const weight = change.weight_after === null && change.weight_before === null
    ? ""
    : ` ${change.weight_before ?? "–"} → ${change.weight_after ?? "–"}`;
  return `${where} ${who}${weight}${change.flush ? " flush" : ""}`;
}

function PlanTable({ plan }: { readonly plan: Plan }) {
  if (plan.changes.length === 0) {
    return (
      <p class="fine">
        <span aria-hidden="true">●</span> the plan is empty: VPP has what it should have
      </p>
    );
  }
  return (
    <div class="panel plan">
      <ul class="diff">
        {plan.changes.map((change) => (
          <li key={change.seq} class={kindClass(change)}>
            <b>{wordOf(signs, change.kind) ?? "~"}</b> {clean(change.kind.replaceAll("_", " "))}{" "}
            <bdi>{clean(changeText(change))}</bdi>{" "}
            <span class="dim">
              <bdi>{clean(change.reason)}</bdi>
              {change.held === null ? "" : ` (held: ${clean(change.held)})`}
            </span>
            {change.traffic_affecting ? <span class="void">moves traffic</span> : null}
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
                <th scope="col">server</th>
                <th scope="col" class="num">share before</th>
                <th scope="col" class="num">share after</th>
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

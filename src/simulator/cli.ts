/**
 * The command line of VPP, as far as a controller asks it (`cli_inband`), text for text.
 *
 * Unlike VPP's, words must be written out. What is not known here is answered as VPP answers what it does not
 * know.
 *
 * @module
 */
import { ip } from "../net/ip.ts";
import { vppText } from "./address.ts";
import type { LbPlugin } from "./lbplugin.ts";
import { VIP_COUNTERS, type VipCounter } from "./statsegment.ts";
import { bucketsOf, FLAG_USED, isNat, type Vip } from "./vip.ts";

/** A client of the API socket, as `show api clients` lists it. */
export interface ApiClient {
  /** Null before it said its name. */
  readonly name: string | null;
  /** Number of the descriptor in VPP. */
  readonly descriptor: number;
}

/** What commands show and change. */
export interface CliTarget {
  /** The plugin. */
  readonly lb: LbPlugin;
  /** Sum over all threads of a VIP's counter. */
  vipCounter(name: VipCounter, index: number): number;
  /** Clients connected now, in the order of their numbers. */
  clients(): readonly ApiClient[];
  /** Whole seconds since VPP's start. */
  uptime(): number;
  /** A system call failed with something else than EAGAIN: VPP lets go of dead clients that it kept. */
  systemCallFailed(): void;
}

/** What a command printed, and 0 or its error. */
export interface CliResult {
  /** 0, or −1 for any error. */
  readonly retval: number;
  /** The text, an error's too. */
  readonly reply: string;
}

const UNSPECIFIED = -1;
const SHOWN_OF_UNKNOWN = 30;

/**
 * Runs a command. A command that leaves words unread is not wrong: VPP takes them for the next command.
 */
export function runCommand(target: CliTarget, command: string): CliResult {
  const words = command.trim().split(/\s+/);
  const starts = (...path: string[]): boolean => path.every((word, i) => words[i] === word);
  const andThen = (reply: string, read: number): CliResult => {
    if (words.length === read) return done(reply);
    const next = runCommand(target, words.slice(read).join(" "));
    return { retval: next.retval, reply: reply + next.reply };
  };
  if (starts("show", "lb", "vips")) return done(showVips(target, words[3] === "verbose"));
  if (starts("show", "lb")) return andThen(showLb(target.lb), 2);
  if (starts("show", "api", "clients")) return andThen(showClients(target.clients()), 3);
  if (starts("exec")) return exec(target, words.slice(1));
  if (starts("lb", "conf")) return lbConf(target, words.slice(2));
  if (starts("show", "api")) return unknown("show api: ", words.slice(2).join(" "));
  if (starts("show")) return unknown("show: ", words.slice(1).join(" "));
  return unknown("", command.trimStart());
}

function done(reply: string): CliResult {
  return { retval: 0, reply };
}

function failed(text: string): CliResult {
  return { retval: UNSPECIFIED, reply: `${text}\n` };
}

function unknown(parent: string, rest: string): CliResult {
  const shown = rest.length > SHOWN_OF_UNKNOWN ? `${rest.slice(0, SHOWN_OF_UNKNOWN)}...` : rest.trimEnd();
  return failed(`${parent}unknown input \`${shown}'`);
}

function showLb({ conf, vipCount, serverCount }: LbPlugin): string {
  return `lb_main ip4-src-address: ${conf.ip4_src_address} \n` +
    ` ip6-src-address: ${vppText(conf.ip6_src_address)} \n` +
    ` #vips: ${vipCount}\n` +
    ` #ass: ${serverCount}\n`;
}

function showClients(clients: readonly ApiClient[]): string {
  const row = (name: string, descriptor: string) => `${name.padStart(20)} ${descriptor.padStart(8)}\n`;
  const rows = clients.map(({ name, descriptor }) => row(name ?? "(nil)", String(descriptor)));
  return `Socket clients\n${row("Name", "Fildesc")}${rows.join("")}`;
}

function showVips(target: CliTarget, verbose: boolean): string {
  let text = "";
  for (const vip of target.lb.vips(true)) text += `${verbose ? detailed(target, vip) : brief(vip)}\n`;
  return text;
}

function prefixOf(vip: Vip): string {
  const slash = vip.shown.pfx.indexOf("/");
  return vppText(ip(vip.shown.pfx.slice(0, slash))) + vip.shown.pfx.slice(slash);
}

function swapped(port: number): number {
  return ((port & 255) << 8) | (port >> 8);
}

/** The plugin swaps a port that was in host order already. */
function natText({ encapOctet, port, targetPort }: Vip): string {
  return `type:${encapOctet === 0 ? "clusterip" : "nodeport"} port:${
    swapped(port)
  } target_port:${targetPort}`;
}

function brief(vip: Vip): string {
  let text = `${vip.type} ${prefixOf(vip)} new_size:${vip.tableLength} #as:${vip.servers.size}` +
    (vip.used ? "" : " removed");
  if (vip.port !== 0) text += `  protocol:${vip.protocol} port:${vip.port} `;
  if (vip.type === "ip4-l3dsr") text += `  dscp:${vip.encapOctet}`;
  if (isNat(vip)) text += ` ${natText(vip)}`;
  return text;
}

function detailed(target: CliTarget, vip: Vip): string {
  let text = ` ${vip.type} [${vip.index}] ${prefixOf(vip)}` +
    `${vip.sticky ? " src_ip_sticky" : ""}${vip.used ? "" : " removed"}\n  new_size:${vip.tableLength}\n`;
  if (vip.port !== 0) text += `  protocol:${vip.protocol} port:${vip.port}\n`;
  if (vip.type === "ip4-l3dsr") text += `  dscp:${vip.encapOctet}\n`;
  // No line end: the counters' head follows on the same line.
  if (isNat(vip)) text += `  ${natText(vip)}`;
  text += "  counters:\n";
  for (const name of VIP_COUNTERS) text += `    ${name}: ${target.vipCounter(name, vip.index)}\n`;
  text += `  #as:${vip.servers.size}\n`;
  for (const { row } of vip.servers) {
    text += `    ${vppText(row.address)} weight:${row.weight} buckets:${bucketsOf(vip, row)} ` +
      `flows:${target.lb.sticky.references(row.index)} dpo:${row.dpo} ` +
      `${(row.flags & FLAG_USED) !== 0 ? "used" : " removed"}\n`;
  }
  return text;
}

/** There is no file that the simulated VPP could open. */
function exec(target: CliTarget, [file]: readonly string[]): CliResult {
  if (file === undefined) return failed("exec: expecting file name, got `'");
  target.systemCallFailed();
  const why = file.startsWith("/dev/null/") ? "Not a directory" : "No such file or directory";
  return failed(`exec: failed to open \`${file}': ${why}`);
}

/** `lb conf …`: the command that collects deleted VIPs, which no message does. */
function lbConf({ lb, uptime }: CliTarget, words: readonly string[]): CliResult {
  if (words.length === 0) return done("");
  let conf = lb.conf;
  for (let i = 0; i < words.length; i += 2) {
    const [key = "", value = ""] = words.slice(i, i + 2);
    if (key === "timeout" && /^\d+$/.test(value)) conf = { ...conf, flow_timeout: Number(value) };
    else if (key === "buckets" && /^\d+$/.test(value)) {
      conf = { ...conf, sticky_buckets_per_core: Number(value) };
    } else return failed(`lb conf: parse error: '${words.slice(i).join(" ")}'`);
  }
  lb.collect(uptime());
  const retval = lb.lb_conf(conf);
  return retval === 0 ? done("") : failed(`lb conf: lb_conf error ${retval}`);
}

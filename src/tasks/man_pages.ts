/**
 * The manual pages maglevd(8) and maglevc(1), made of the same tables as `--help`. Pure.
 *
 * @module
 */
import { grammar } from "../cli/commands/grammar.ts";
import { helpText as clientHelp } from "../cli/help.ts";
import { pipeGrammar } from "../cli/pipes.ts";
import { paint } from "../cli/text.ts";
import { flagSpecs as clientFlags } from "../cli/options.ts";
import { parseSyntax, type Part } from "../cli/syntax.ts";
import { environmentName, flagSpecs } from "../flag_table.ts";
import { helpText } from "../flags.ts";
import type { Block, Inline, Page, Text } from "./man_roff.ts";

/** Version and date that a page carries. */
export interface PageOptions {
  /** Version of the product. */
  readonly version: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
}

const paragraph = (text: Text): Block => ({ kind: "paragraph", text });
const item = (tag: Text, text: Text): Block => ({ kind: "item", tag, text });
const example = (...lines: string[]): Block => ({ kind: "example", lines });

/**
 * The part of a help text that begins with `label`, without the label, as one line.
 *
 * @throws RangeError when there is none: the page must not silently lose it
 */
export function helpPart(help: string, label: string): string {
  const after = help.split("\n").slice(help.split("\n").findIndex((text) => text.startsWith(label)));
  const end = after.findIndex((text, index) => index > 0 && (text === "" || /^[A-Z][a-z ]+:/.test(text)));
  const text = after.slice(0, end).join(" ");
  if (!text.startsWith(label)) throw new RangeError(`the help has no part "${label}"`);
  return text.slice(label.length).trim();
}

/** `0 done, 1 refused` as items. */
function exitCodes(help: string): Block[] {
  return helpPart(help, "Exit codes:").replace(/\.$/, "").split(/, (?=[0-9])/).map((text) => {
    const [code = "", ...words] = text.split(" ");
    return item([{ bold: code }], `${words.join(" ")}.`);
  });
}

function flag(name: string, value: string): Inline[] {
  return [{ bold: `--${name}` }, ...(value === "" ? [] : [" ", { italic: value }])];
}

/** Ends a line of the help with a full stop; its beginning may be a literal value and stays as it is. */
function sentence(text: string): string {
  return text + (/[.!?]$/.test(text) ? "" : ".");
}

const site = "/usr/share/doc/maglevd-deno/";

/** maglevd(8). */
export function maglevdPage({ version, date }: PageOptions): Page {
  const help = helpText();
  return {
    name: "maglevd",
    section: 8,
    date,
    version,
    summary: "health checker and control plane for VPP's Maglev load balancer",
    sections: [
      { title: "SYNOPSIS", blocks: [paragraph([{ bold: "maglevd" }, " [", { italic: "flags" }, "]"])] },
      {
        title: "DESCRIPTION",
        blocks: [
          paragraph(
            "maglevd probes backends, decides who is healthy, turns that into weights, and keeps the lb plugin " +
              "of VPP (26.10 or newer) programmed accordingly, by the least number of changes. It shows what " +
              "it knows over a REST API, Prometheus metrics and a stream of events. What it does not know, it " +
              "leaves alone: when it stops, VPP goes on forwarding as it is.",
          ),
        ],
      },
      {
        title: "OPTIONS",
        blocks: [
          ...flagSpecs.map((spec) =>
            item(
              flag(spec.name, spec.value),
              sentence(spec.help) +
                (spec.kind === "switch" || spec.default === "" ? "" : ` Default: ${spec.default}.`),
            )
          ),
        ],
      },
      {
        title: "ENVIRONMENT",
        blocks: [
          paragraph("Every flag has an environment form; the flag wins."),
          item(
            flagSpecs.filter(({ kind }) => kind !== "switch").flatMap(({ name }, index): Inline[] => [
              ...(index === 0 ? [] : [", "]),
              { bold: environmentName(name) },
            ]),
            "As the flags of these names. MAGLEV_LISTEN takes several addresses, separated by commas.",
          ),
          item([{ bold: "NO_COLOR" }], "If set, the text log has no colour."),
          item(
            [{ bold: "DENO_DIR" }],
            "Where Deno keeps compiled code to start faster. maglevd runs without it as well.",
          ),
        ],
      },
      { title: "SIGNALS", blocks: [paragraph(helpPart(help, "Signals:"))] },
      { title: "EXIT STATUS", blocks: exitCodes(help) },
      {
        title: "FILES",
        blocks: [
          item([{ bold: "/etc/vpp-maglev/maglev.yaml" }], "The configuration."),
          item([{ bold: "/etc/default/maglevd" }], "Environment of the service."),
          item([{ bold: "/run/vpp/api.sock" }, ", ", { bold: "/run/vpp/stats.sock" }], "VPP's sockets."),
          item([{ bold: site }], "Guides, the JSON Schema of the configuration, a dashboard for Grafana."),
        ],
      },
      {
        title: "EXAMPLES",
        blocks: [
          paragraph("Check the configuration, then have the running daemon take it over:"),
          example("maglevd --check && systemctl reload maglevd"),
          paragraph("Run in the foreground without VPP, to see what the probes say:"),
          example("maglevd --config test.yaml --vpp-api-addr= --vpp-stats-addr= --log-format text"),
        ],
      },
      {
        title: "SEE ALSO",
        blocks: [
          paragraph([
            { bold: "maglevc" },
            "(1), ",
            { bold: "maglev.yaml" },
            "(5), ",
            { bold: "systemctl" },
            "(1), ",
            { bold: "vpp" },
            "(1)",
          ]),
        ],
      },
    ],
  };
}

/** Keywords bold, arguments italic, brackets and bars as they are. */
function syntax(parts: readonly Part[]): Inline[] {
  return parts.flatMap((part, index): Inline[] => [
    ...(index === 0 ? [] : [" "]),
    ...(part.kind === "argument"
      ? [{ italic: part.name }]
      : part.kind === "group"
      ? ["[", ...syntax(part.parts), "]"]
      : part.words.flatMap((word, nth): Inline[] => [...(nth === 0 ? [] : ["|"]), { bold: word }])),
  ]);
}

/** maglevc(1). */
export function maglevcPage({ version, date }: PageOptions): Page {
  const help = paint(clientHelp(grammar, 100), false);
  return {
    name: "maglevc",
    section: 1,
    date,
    version,
    summary: "client of maglevd",
    sections: [
      {
        title: "SYNOPSIS",
        blocks: [
          paragraph([{ bold: "maglevc" }, " [", { italic: "flags" }, "] [", { italic: "command" }, "]"]),
        ],
      },
      {
        title: "DESCRIPTION",
        blocks: [
          paragraph("maglevc shows and changes what maglevd does, over maglevd's REST API."),
          paragraph(`Without a command ${helpPart(help, "Without a command")}`),
        ],
      },
      {
        title: "COMMANDS",
        blocks: grammar.commands.map((command) =>
          item(
            syntax(parseSyntax(command.syntax)),
            sentence(command.help) + (command.notes === undefined ? "" : ` ${sentence(command.notes)}`),
          )
        ),
      },
      {
        title: "FILTERS",
        blocks: [
          paragraph('Behind a command, each after a bar, as in "show backends | include down | count".'),
          ...pipeGrammar.commands.map((filter) =>
            item(syntax(parseSyntax(filter.syntax)), sentence(filter.help))
          ),
        ],
      },
      {
        title: "ARGUMENTS",
        blocks: Object.entries(grammar.arguments).map(([name, argument]) =>
          item([{ italic: name }], sentence(argument.help))
        ),
      },
      {
        title: "OPTIONS",
        blocks: clientFlags.map((spec) => item(flag(spec.name, spec.value), sentence(spec.help))),
      },
      {
        title: "ENVIRONMENT",
        blocks: [
          ...clientFlags.flatMap((spec) =>
            spec.env === null ? [] : [item([{ bold: spec.env }], [`As `, { bold: `--${spec.name}` }, "."])]
          ),
          item([{ bold: "NO_COLOR" }], "If set, output has no colour unless --color=always."),
        ],
      },
      { title: "EXIT STATUS", blocks: exitCodes(help) },
      {
        title: "EXAMPLES",
        blocks: [
          paragraph("What is up, and what would the next sync change?"),
          example("maglevc show frontends", "maglevc show vpp lb plan"),
          paragraph("Take a server out for maintenance, its flows untouched, and back:"),
          example("maglevc set backend b1 pause", "maglevc set backend b1 resume"),
          paragraph("Follow the transitions of backends as JSON:"),
          example("maglevc watch events backend | jq ."),
        ],
      },
      { title: "SEE ALSO", blocks: [paragraph([{ bold: "maglevd" }, "(8)"])] },
    ],
  };
}

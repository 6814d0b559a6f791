/** The report for a person: first who suffers and when, then each fault with what mends it. */
import type { Kit } from "./kit.js";
import type { Finding, Report } from "./report.js";

const WIDTH = 100;

/** The text, ending in a newline. */
export function reportText(report: Report, kit: Kit): string {
  const lines = [
    report.url,
    headline(report),
    "",
    ...(report.error === undefined ? [] : [`Could not go on: ${report.error}`, ""]),
    ...(report.requests > 0 && report.error === undefined ? [...clientTable(report, kit), ""] : []),
    ...report.findings.flatMap((finding) => section(finding, kit)),
    ...(report.catalog === undefined ? [] : [report.catalog, ""]),
    ...noteLines(report.notes),
    ...(report.untried.length === 0 ? [] : ["Not tried", ...report.untried.map((what) => `  ${what}`), ""]),
    verdict(report),
  ];
  return `${lines.join("\n")}\n`;
}

function headline({ server, requests, kit }: Report): string {
  const who = server === undefined ? "" : `It seems to be ${server}. `;
  return `${who}${requests} requests, as the clients of conformance kit ${kit} send them.`;
}

function verdict({ findings, notes, error }: Report): string {
  if (error !== undefined) return "Nothing can be said about this endpoint.";
  if (findings.length === 0) return `Good: no finding${notes.length > 0 ? `, ${count(notes.length, "note")}` : ""}.`;
  return `${count(findings.length, "finding")}. Each is explained in docs/doctor.md under its name.`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function clientTable({ findings }: Report, kit: Kit): readonly string[] {
  const rows = kit.clients.map(({ id, name, version }) => {
    const met = findings.flatMap((finding) =>
      finding.sees.filter(({ client, fails }) => client === id && fails).map(({ when }) => ({ id: finding.id, when })),
    );
    const starts = met.some(({ when }) => when === "at once");
    const dies = met.some(({ when }) => when === "never again");
    const goesOn = dies ? "NO, never again" : met.some(({ when }) => when === "after an hour") ? "NO" : "yes";
    return [
      `${name} ${version}`,
      starts ? "NO" : "yes",
      starts ? "-" : goesOn,
      met.map((one) => one.id).join(" "),
    ] as const;
  });
  const head = ["client", "starts", "after an hour", "because of"] as const;
  const widths = [0, 1, 2].map((column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)));
  return [head, ...rows].flatMap(([name, starts, later, why]) => {
    const left = [name, starts, later].map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
    const [first = "", ...more] = wrap(why, Math.max(WIDTH - left.length - 2, 30));
    return [`${left}  ${first}`.trimEnd(), ...more.map((line) => `${" ".repeat(left.length + 2)}${line}`)];
  });
}

function section({ id, what, mend, sees }: Finding, kit: Kit): readonly string[] {
  const nameOf = (client: string): string => kit.clients.find((one) => one.id === client)?.name ?? client;
  // Clients that see the same stand together.
  const groups = Map.groupBy(sees, ({ when, sees: text }) => `${when}: ${text}`);
  const suffering = [...groups].flatMap(([text, members]) =>
    indent(`${[...new Set(members.map(({ client }) => nameOf(client)))].join(", ")}, ${text}`, "    "),
  );
  const [there = "", here = ""] = mend.split(" At the client: ");
  return [
    id,
    ...indent(what, "  "),
    ...suffering,
    ...indent(there, "  "),
    ...(here.startsWith("Nothing") ? [] : indent(`At the client: ${here}`, "  ")),
    "",
  ];
}

function noteLines(notes: readonly Finding[]): readonly string[] {
  if (notes.length === 0) return [];
  return ["Notes: nothing fails by these with a client's default settings", ...notes.flatMap(noteLine), ""];
}

function noteLine({ id, what }: Finding): readonly string[] {
  return [`  ${id}`, ...indent(what, "    ")];
}

function indent(text: string, by: string): readonly string[] {
  return wrap(text, WIDTH - by.length).map((line) => by + line);
}

/** Lines of at most this width, broken at spaces. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

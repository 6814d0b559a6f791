/** Writes the part of docs/doctor.md that the data of conformance/ holds: one heading for each finding. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { z } from "zod";

const CLIENT = z.object({
  name: z.string(),
  expects: z.array(z.object({ finding: z.string(), when: z.string(), sees: z.string() })),
});
const FINDING = z.object({
  id: z.string(),
  level: z.string(),
  title: z.string(),
  mend: z.object({ endpoint: z.string(), client: z.string() }),
});
const SERVER = z.object({ name: z.string(), settings: z.record(z.string(), z.string()) });

const ROOT = new URL("../", import.meta.url);
const PAGE = new URL("docs/doctor.md", ROOT);
const MARK = "<!-- What follows is written by scripts/doctor-findings.ts. -->";

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`conformance/${name}`, ROOT), "utf8"));
const { findings } = z.object({ findings: z.array(FINDING) }).parse(read("findings.json"));
const { servers } = z.object({ servers: z.array(SERVER) }).parse(read("servers.json"));
const files = readdirSync(new URL("conformance/clients/", ROOT)).toSorted();
const clients = files.map((name) => CLIENT.parse(read(`clients/${name}`)));

function section({ id, title, mend }: z.infer<typeof FINDING>): string {
  const met = clients.flatMap(({ name, expects }) =>
    expects.filter(({ finding }) => finding === id).map(({ when, sees }) => ({ name, seen: `${when}: ${sees}` })),
  );
  const groups = [...Map.groupBy(met, ({ seen }) => seen)];
  const lines = [
    ...groups.map(([seen, who]) => `- ${[...new Set(who.map(({ name }) => name))].join("; ")}, ${seen}`),
    `- **At the endpoint:** ${mend.endpoint}`,
    ...servers.flatMap(({ name, settings }) =>
      settings[id] === undefined ? [] : [`- **In ${name}:** ${settings[id]}`],
    ),
    `- **At the client:** ${mend.client}`,
  ];
  // What stands in angle brackets would be taken for HTML.
  return `### ${id}\n\n${title}\n\n${lines.join("\n").replaceAll("<", "\\<")}\n`;
}

const part = (level: string): string =>
  findings
    .filter((finding) => finding.level === level)
    .map(section)
    .join("\n");
const page = readFileSync(PAGE, "utf8");
const before = page.slice(0, page.indexOf(MARK));
const notes = "Nothing fails by these with a client's default settings, and they do not change the exit code.";
const text = `${before}${MARK}\n\n## Findings\n\n${part("finding")}\n## Notes\n\n${notes}\n\n${part("note")}`;
const options = await resolveConfig(PAGE);
writeFileSync(PAGE, await format(text, { ...options, filepath: PAGE.pathname }));

/** What CHANGELOG.md says of one version. */

export interface Notes {
  /** `2026-12-01`, or `unreleased`. */
  readonly date: string;
  readonly text: string;
}

/** The section of a version; undefined if there is none. */
export function notesOf(changelog: string, version: string): Notes | undefined {
  const heading = `## [${version}] - `;
  const from = changelog.indexOf(heading);
  if (from === -1) return undefined;
  const [first = "", ...lines] = changelog.slice(from).split("\n");
  const end = lines.findIndex((line) => line.startsWith("## "));
  const text = (end === -1 ? lines : lines.slice(0, end)).join("\n").trim();
  return { date: first.slice(heading.length).trim(), text };
}

/** The notes of a release: what to do when upgrading comes first, then everything. */
export function releaseNotes(version: string, { text }: Notes): string {
  const upgrading = entriesOf(text).filter((entry) => entry.includes("**When upgrading:**"));
  const first = upgrading.length === 0 ? "Nothing to do.\n" : `${upgrading.join("\n")}\n`;
  return `# icemint ${version}\n\n## When upgrading\n\n${first}\n## Changes\n\n${text}\n`;
}

/** The entries of a list, each with the lines that belong to it. */
function entriesOf(text: string): readonly string[] {
  return text
    .split(/\n(?=- |\n|#)/)
    .map((entry) => entry.trim())
    .filter((entry) => entry.startsWith("- "));
}

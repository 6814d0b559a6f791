/**
 * `npm run release`: checks that a release can be made of this checkout, and makes all its parts in `release/`: the package,
 * the chart's package, the image's file system, the bill of materials, checksums, notes. It publishes nothing, and says how.
 * With `--dry-run` the parts go to a folder for temporary files, and a version without a date is allowed.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Notes, notesOf, releaseNotes } from "./release/changelog.ts";
import { type Run, makeImageRoot } from "./release/image.ts";
import { publicNames, unmentionedNames } from "./release/public-names.ts";
import { versionOf, versionProblems } from "./release/versions.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const RELEASED_NAMES = "scripts/release/released-names.txt";

const { values } = parseArgs({
  options: { "dry-run": { type: "boolean", default: false }, "write-names": { type: "boolean", default: false } },
});
const dry = values["dry-run"];
const version = versionOf(ROOT);

const run: Run = (command, args, cwd = ROOT) => {
  // Helm may be among the tools of the tests.
  const tools = process.env["ICEMINT_TOOLS"] ?? join(homedir(), ".cache", "icemint-tools");
  const env = { ...process.env, PATH: [process.env["PATH"], tools].join(delimiter) };
  return execFileSync(command, args, { cwd, env, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
};

/** Ends the run: says everything that is wrong, at once. */
function stop(problems: readonly string[]): never {
  for (const problem of problems) process.stderr.write(`release: ${problem}\n`);
  process.exit(1);
}

/** The notes, if everything that must agree agrees. */
function checked(): Notes {
  const dirty = run("git", ["status", "--porcelain"]).split("\n").filter(Boolean);
  const problems = dirty.map((line) => `not committed: ${line.trim()}`);
  problems.push(...versionProblems(ROOT));
  const notes = notesOf(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8"), version);
  if (notes === undefined) stop([...problems, `CHANGELOG.md has no section of ${version}`]);
  if (!dry && !/^\d{4}-\d{2}-\d{2}$/.test(notes.date)) problems.push(`CHANGELOG.md has no date for ${version}`);
  const released = readFileSync(join(ROOT, RELEASED_NAMES), "utf8").split("\n").filter(Boolean);
  const unmentioned = unmentionedNames(released, publicNames(ROOT), notes.text);
  problems.push(...unmentioned.map((name) => `CHANGELOG.md does not mention a public name: ${name}`));
  if (problems.length > 0) stop(problems);
  return notes;
}

function makeParts(folder: string, notes: Notes): void {
  run("npm", ["run", "--silent", "build"]);
  run("helm", ["package", "deploy/helm/icemint", "--destination", folder]);
  // Chart and package are called the same by those who make them.
  renameSync(join(folder, `icemint-${version}.tgz`), join(folder, `icemint-chart-${version}.tgz`));
  run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder]);
  makeImageRoot({ root: ROOT, folder, version, run });
  writeFileSync(join(folder, "NOTES.md"), releaseNotes(version, notes));
  const sums = readdirSync(folder)
    .toSorted()
    .map(
      (name) =>
        `${createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex")}  ${name}\n`,
    );
  writeFileSync(join(folder, "SHA256SUMS"), sums.join(""));
}

const NEXT = `To publish, in this order, and to begin the next version:
  git tag -s v${version} && git push --tags
  npm publish release/icemint-${version}.tgz
  helm push release/icemint-chart-${version}.tgz oci://YOUR-REGISTRY
  docker build -f deploy/Dockerfile -t YOUR-REGISTRY/icemint:${version} . && docker push YOUR-REGISTRY/icemint:${version}
  npx buf build -o proto/released.binpb --path proto/icemint
  node scripts/release.ts --write-names
`;

if (values["write-names"]) {
  writeFileSync(join(ROOT, RELEASED_NAMES), publicNames(ROOT).join("\n") + "\n");
  process.exit(0);
}
const notes = checked();
const folder = dry ? mkdtempSync(join(tmpdir(), "icemint-release-")) : join(ROOT, "release");
if (!dry) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
}
makeParts(folder, notes);
process.stdout.write(`${folder}\n${readFileSync(join(folder, "SHA256SUMS"), "utf8")}${dry ? "" : NEXT}`);

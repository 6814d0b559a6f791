/**
 * `npm run chaos`: three replicas behind a real balancer under load, while they, Redis and the version change; counts
 * what clients suffer, and checks what was promised. Needs redis-server and haproxy; envoy if there is one.
 *
 * npm run chaos                  everything, about four minutes; writes the table into docs/availability.md
 * npm run chaos -- --quick       the essential ones, about a minute and a half; writes nothing
 * npm run chaos -- --only TEXT   scenarios whose title contains the text; writes nothing
 * npm run chaos -- --previous COMMIT   upgrades from this version; otherwise from the last tag
 * npm run chaos -- --keep DIR    leaves settings, logs and histories in a folder
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { breachesOf } from "./checker.js";
import { History } from "./history.js";
import { startLoad } from "./load.js";
import { type BuiltVersion, buildPreviousVersion } from "./previous-version.js";
import { type Row, table, writeInto } from "./report.js";
import { enoughLoad } from "./requirements.js";
import { SCENARIOS, type Scenario } from "./scenarios.js";
import { GRACE_MS } from "./settings.js";
import { summarise } from "./summary.js";
import { type World, startWorld } from "./world.js";

const DOCUMENT = "docs/availability.md";
const WARM_UP_MS = 3500;
/** How long after its acknowledgement a revocation may still be unknown to another replica. */
const STALENESS_MS = 1000;
/** What balancers' health checks and clients' deadlines suffer from too. */
const NOISE_MS = 300;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    previous: { type: "string" },
    keep: { type: "string" },
  },
});

const chosen = SCENARIOS.filter(
  ({ quick, title }) => (!values.quick || quick === true) && title.includes(values.only ?? ""),
);
await using stack = new AsyncDisposableStack();
const folder = values.keep === undefined ? mkdtempSync(join(tmpdir(), "icemint-chaos-")) : resolve(values.keep);
mkdirSync(folder, { recursive: true });
if (values.keep === undefined) stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const previous = chosen.some(({ fromPrevious }) => fromPrevious === true)
  ? buildPreviousVersion(folder, stack, values.previous)
  : undefined;

const rows: Row[] = [];
const skipped: string[] = [];
for (const group of groups(chosen)) await runGroup(group);

console.log(`\n${table(rows)}\n`);
for (const { title, balancer, complaints, noiseMs } of rows) {
  console.log(`${title} (${balancer}): the machine let processes wait for up to ${Math.round(noiseMs)} ms`);
  for (const complaint of complaints) console.error(`  BROKEN: ${complaint}`);
}
for (const title of skipped) console.log(`not run: ${title}`);
if (rows.some(({ complaints }) => complaints.length > 0)) process.exitCode = 1;
if (!values.quick && values.only === undefined) writeInto(DOCUMENT, measured());

/** Scenarios that follow each other and want the same world. */
function groups(scenarios: readonly Scenario[]): readonly (readonly Scenario[])[] {
  const kinds = Map.groupBy(scenarios, (of) => `${of.balancer} ${of.redis} ${of.fromPrevious === true}`);
  return [...kinds.values()];
}

async function runGroup(group: readonly Scenario[]): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  await using worldStack = new AsyncDisposableStack();
  const program = first.fromPrevious === true ? previous?.program : undefined;
  const worldFolder = join(folder, `${SCENARIOS.indexOf(first)}`);
  const world = await startWorld({ ...first, program }, worldFolder, worldStack);
  for (const scenario of group) {
    if (world === undefined) skipped.push(`${scenario.title}: ${scenario.balancer} is not installed`);
    else rows.push(await runSettled(scenario, world, worldFolder));
  }
}

/**
 * Runs a scenario; once more if it failed while the machine itself stood still, unless a promise was broken, or the
 * replicas are no longer what they were.
 */
async function runSettled(scenario: Scenario, world: World, worldFolder: string): Promise<Row> {
  const row = await run(scenario, world, worldFolder);
  const mayBeNoise = row.breaches === 0 && row.noiseMs > NOISE_MS && scenario.fromPrevious !== true;
  if (row.complaints.length === 0 || !mayBeNoise) return row;
  for (const complaint of row.complaints) console.log(`  ${complaint}`);
  console.log(`  once more, since the machine let processes wait for ${Math.round(row.noiseMs)} ms`);
  return run(scenario, world, worldFolder);
}

async function run(scenario: Scenario, world: World, worldFolder: string): Promise<Row> {
  const { title, balancer, direct, fault, must } = scenario;
  const began = performance.now();
  const history = new History();
  const { replicas } = world;
  const [one] = replicas;
  const at =
    direct === true && one !== undefined ? { url: one.url, grpcAddress: `127.0.0.1:${one.port}` } : world.balancer;
  const load = startLoad({ addresses: [at], replicas, history });
  await sleep(WARM_UP_MS);
  await fault(world, history);
  const { noiseMs } = await load.stop();
  const { entries } = history;
  history.write(join(worldFolder, `${SCENARIOS.indexOf(scenario)}-${Math.round(began)}.jsonl`));
  const summary = summarise(entries);
  const breaches = breachesOf(entries, { graceMs: GRACE_MS, stalenessMs: STALENESS_MS });
  const complaints = [
    ...breaches,
    ...[enoughLoad, ...must].flatMap((requirement) => requirement({ entries, summary, noiseMs })),
  ];
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`${complaints.length === 0 ? "kept" : "BROKEN"}: ${title} (${balancer}), ${seconds} s`);
  const before = direct === true ? "nothing" : balancer;
  return { title, balancer: before, summary, complaints, breaches: breaches.length, noiseMs };
}

function measured(): string {
  const upgrade = versionNote(previous);
  const notRun = skipped.map((title) => `Not run: ${title}.`);
  const [cpu] = cpus();
  const machine = `${cpus().length} cores${cpu === undefined ? "" : ` of ${cpu.model.trim()}`}`;
  const waits = Math.round(Math.max(...rows.map(({ noiseMs }) => noiseMs)));
  const note = `On a machine with ${machine}, which also ran clients, Redis and balancer: processes had to wait for a processor for up to ${waits} ms.`;
  return [table(rows), [note, upgrade, ...notRun].join(" ")].join("\n\n");
}

function versionNote(version: BuiltVersion | undefined): string {
  if (version === undefined) return "The upgrade was from the same version: there was no other to build.";
  return `The upgrade was from commit ${version.name}.`;
}

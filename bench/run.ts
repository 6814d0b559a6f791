/**
 * `npm run bench`: measures icemint beside its floors and peers.
 *
 * npm run bench                        the whole table, about ten minutes
 * npm run bench -- --quick             fewer and shorter rounds, about two minutes
 * npm run bench -- --check             the essential ratios; exit code 1 if one is a third beyond its limit
 * npm run bench -- --only grpc         workloads whose id contains `grpc` (may be given several times), and their floors
 * npm run bench -- --json FILE         writes the result to a file as well
 * npm run bench -- growth [DIMENSION]  what a request costs while something grows
 * npm run bench -- soak [MINUTES]      full rate for a long time (20 minutes): is memory flat?
 * npm run bench -- workers             what a second worker brings on two cores
 * npm run bench -- nodes               this Node beside 22.23.3
 * npm run bench -- derived [CLIENTS]   10,000 clients that a workload rule derives, beside one registered client
 * npm run bench -- revocations         a million revocations: memory, look-up, start
 * npm run bench -- verifier            a verification beside a bare one
 * npm run bench -- profile [WORKLOAD]  where the CPU time of one workload goes, as a .cpuprofile
 */
import { parseArgs } from "node:util";
import { benchDerived } from "./derived.js";
import { growth } from "./growth.js";
import { benchNodes } from "./nodes.js";
import { profile } from "./profile.js";
import { benchRevocations } from "./revocations.js";
import { sideBySide } from "./side-by-side.js";
import { soak } from "./soak.js";
import { benchVerifier } from "./verifier.js";
import { benchWorkers } from "./workers.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    json: { type: "string" },
  },
});
const [command, argument] = positionals;

if (command === "growth") await growth(argument);
else if (command === "profile") await profile(argument ?? "form-memory");
else if (command === "revocations") console.table(await benchRevocations());
else if (command === "verifier") console.table(await benchVerifier());
else if (command === "workers") await benchWorkers();
else if (command === "derived") await benchDerived(Number(argument ?? 10_000), values.quick);
else if (command === "nodes") await benchNodes(values.quick);
else if (command === "soak") conclude(await soak(Number(argument ?? 20)));
else if (command === undefined) conclude(await sideBySide({ ...values, json: values.json }));
else throw new Error(`no such bench: ${command}`);

function conclude(complaints: readonly string[]): void {
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) process.exitCode = 1;
}

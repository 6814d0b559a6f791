/**
 * `npm run bench -- growth [DIMENSION]`: what a request costs while something grows, drawn to bench/growth-*.svg.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BENCH_CLIENT, CLIENT_CREDENTIALS_FORM } from "./bench-client.js";
import { startIcemint } from "./icemint.js";
import { makeIssuer, userTokenForm } from "./issuer.js";
import { fillRevocations } from "./revocations.js";
import { startRedis } from "./redis.js";
import { exchange, loadForm } from "./workloads.js";
import { measure, type Effort } from "./measure.js";
import { settled, type ServerProcess } from "./server-process.js";
import { plotSvg } from "./svg-plot.js";
import type { Workload } from "./workloads.js";

const EFFORT: Effort = { rounds: 5, seconds: 2, warmUpSeconds: 2 };
const CONNECTIONS = 32;

/** Something that grows, and how a server of each size is started and asked. */
interface Dimension {
  readonly name: string;
  readonly title: string;
  readonly xLabel: string;
  readonly sizes: readonly number[];
  readonly start: (size: number, folder: string, redisUrl: string) => Promise<ServerProcess>;
  readonly run: (size: number, folder: string) => Workload["run"];
}

const DIMENSIONS: readonly Dimension[] = [
  {
    name: "clients",
    title: "client_credentials, by the number of clients in the file",
    xLabel: "clients",
    sizes: [10, 1000, 10_000, 100_000],
    start: (size, folder) =>
      startIcemint({
        folder,
        name: `clients-${size}`,
        otherClients: Array.from({ length: size }, (_, at) => client(at)),
      }),
    // Every connection is another client, from all over the file.
    run: (size) => {
      const bodies = Array.from({ length: CONNECTIONS }, (_, at) =>
        CLIENT_CREDENTIALS_FORM.replace(
          /client_id=[^&]*&client_secret=[^&]*/,
          `client_id=${clientId(Math.floor((at * size) / CONNECTIONS))}&client_secret=${secretOf(Math.floor((at * size) / CONNECTIONS))}`,
        ),
      );
      return (url, seconds) => loadForm({ url, seconds, bodies });
    },
  },
  {
    name: "connections",
    title: "client_credentials, by the number of connections",
    xLabel: "connections",
    sizes: [1, 10, 100, 1000, 5000],
    start: (size, folder) => startIcemint({ folder, name: `connections-${size}` }),
    run: (size) => (url, seconds) => loadForm({ url, seconds, bodies: [CLIENT_CREDENTIALS_FORM], connections: size }),
  },
  {
    name: "issuer-keys",
    title: "exchange of a user's token, by the number of its issuer's keys",
    xLabel: "keys of the trusted issuer",
    sizes: [1, 10, 100, 1000],
    start: (size, folder) =>
      startIcemint({
        folder,
        name: `keys-${size}`,
        trustedIssuers: [makeIssuer(join(folder, `keys-${size}.json`), size)],
      }),
    run: (size, folder) => (url, seconds) =>
      loadForm({ url, seconds, bodies: [userTokenForm(join(folder, `keys-${size}.json`))] }),
  },
  {
    name: "revocations",
    title: "Iceberg refresh, by the number of revocations in force",
    xLabel: "revocations",
    sizes: [1, 1000, 100_000, 1_000_000],
    async start(size, folder, redisUrl) {
      const name = `revocations-${size}`;
      await fillRevocations(redisUrl, name, size);
      return startIcemint({ folder, name, redisUrl });
    },
    run: () => exchange,
  },
];

const secretOf = (at: number) => `icm_bench-secret-of-client-number-${at}`;
const clientId = (at: number) => `${BENCH_CLIENT.id}-${at}`;

function client(at: number): object {
  return {
    id: clientId(at),
    secrets: [{ sha256: createHash("sha256").update(secretOf(at)).digest("hex") }],
    grants: ["client_credentials"],
  };
}

/** Measures one dimension, its sizes interleaved, and draws it. */
async function grow({ name, title, xLabel, sizes, start, run }: Dimension): Promise<void> {
  await using redis = name === "revocations" ? await startRedis() : undefined;
  if (name === "revocations" && redis === undefined)
    return console.log("Redis is not installed: revocations are left out.");
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  const servers = new Map<string, ServerProcess>();
  try {
    for (const size of sizes) {
      const server = await start(size, folder, redis?.url ?? "");
      servers.set(String(size), server);
      await settled(server);
    }
    const workloads = sizes.map((size) => ({
      id: String(size),
      title: `${size} ${xLabel}`,
      server: String(size),
      floor: String(sizes[0]),
      run: run(size, folder),
    }));
    const results = await measure(workloads, servers, EFFORT);
    const points = results.map(({ id, cpuRatio }) => {
      const { median: y, min: low, max: high } = cpuRatio ?? { median: 1, min: 1, max: 1 };
      return { x: Number(id), y, low, high };
    });
    const yLabel = `CPU for each request, as a multiple of that with ${sizes[0]}`;
    writeFileSync(`bench/growth-${name}.svg`, plotSvg({ title, xLabel, yLabel, xScale: "logarithmic", points }));
    for (const { x, y, low, high } of points) {
      console.log(`${name} ${x}: ${y.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`);
    }
  } finally {
    for (const server of servers.values()) await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
}

export async function growth(name: string | undefined): Promise<void> {
  for (const dimension of DIMENSIONS) if (name === undefined || name === dimension.name) await grow(dimension);
}

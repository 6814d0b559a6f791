/**
 * `npm run bench -- soak [MINUTES]`: full rate for a long time, to see whether memory stays flat; drawn to bench/soak.svg.
 * Everything that lives and dies does so many times meanwhile: tokens, sessions, refresh families, revocations, keys.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BENCH_CLIENT } from "./bench-client.js";
import { startIcemint } from "./icemint.js";
import { startRedis } from "./redis.js";
import type { ServerProcess } from "./server-process.js";
import { spreadOf, type Spread } from "./statistics.js";
import { plotSvg } from "./svg-plot.js";
import { WORKLOADS, askForToken } from "./workloads.js";

const SETTINGS = {
  tokens: { access_ttl: "1m", session_ttl: "4m" },
  keys: { rotate_every: "30s", publish_ahead: "5s" },
};
const TURNS = ["form-redis", "exchange-redis", "refresh-redis", "grpc"];
const TURN_SECONDS = 10;
const SAMPLE_MS = 1000;
/** A client may have 10,000 in force, and these last for two session lives. */
const REVOCATIONS_A_SECOND = 10;
const MIB = 2 ** 20;
const MOST_GROWTH = 1.1;

/** What the process held during one minute, in MiB. */
type Minute = Spread & { readonly minute: number };

/** Runs it, and answers what is wrong: failed requests, or memory that grows. */
export async function soak(minutes: number): Promise<readonly string[]> {
  await using redis = await startRedis();
  if (redis === undefined) throw new Error("no redis-server on the PATH");
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  try {
    const options = { folder, name: "soak", redisUrl: redis.url, settings: SETTINGS, logFile: "/dev/null" };
    await using server = await startIcemint(options);
    const end = new AbortController();
    const [{ requests, failures }, held] = await Promise.all([
      load(server, minutes, end.signal).finally(() => end.abort()),
      watchMemory(server, end.signal),
      revoke(server, end.signal).finally(() => end.abort()),
    ]);
    console.log(`${requests} requests, ${failures} failed; ${(server.cpuMs() / 1000).toFixed(0)} s of CPU`);
    if (held.length > 0) draw(held);
    return complaints(failures, held);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One kind of request after the other, each at full rate. */
async function load(
  server: ServerProcess,
  minutes: number,
  signal: AbortSignal,
): Promise<{ requests: number; failures: number }> {
  const until = Date.now() + minutes * 60_000;
  const workloads = WORKLOADS.filter(({ id }) => TURNS.includes(id));
  const total = { requests: 0, failures: 0 };
  while (Date.now() < until && !signal.aborted) {
    for (const { run } of workloads) {
      const { requests, failures } = await run(server.url, TURN_SECONDS);
      total.requests += requests;
      total.failures += failures;
    }
  }
  return total;
}

/** Sessions that end early, to fill and empty the table of revocations. */
async function revoke({ url }: ServerProcess, signal: AbortSignal): Promise<void> {
  const { id, secret, scope } = BENCH_CLIENT;
  const credentials = { client_id: id, client_secret: secret };
  const form = (fields: Readonly<Record<string, string>>) => new URLSearchParams({ ...credentials, ...fields });
  const one = async () => {
    const token = await askForToken(url, form({ grant_type: "client_credentials", scope }).toString());
    const answer = await fetch(`${url}/v1/oauth/revoke`, { method: "POST", body: form({ token: token.access_token }) });
    if (!answer.ok) throw new Error(`a revocation was refused: ${answer.status} ${await answer.text()}`);
  };
  while (!signal.aborted) {
    await Promise.all([...Array.from({ length: REVOCATIONS_A_SECOND }, one), sleep(1000)]);
  }
}

/** Looks at the memory of the process until the signal, and prints each minute. */
async function watchMemory(server: ServerProcess, signal: AbortSignal): Promise<readonly Minute[]> {
  const minutes: Minute[] = [];
  while (!signal.aborted) {
    const samples: number[] = [];
    for (const until = Date.now() + 60_000; Date.now() < until && !signal.aborted;) {
      samples.push(server.rssBytes() / MIB);
      await sleep(SAMPLE_MS);
    }
    if (signal.aborted) break; // not a whole minute
    const held = { minute: minutes.length + 1, ...spreadOf(samples) };
    minutes.push(held);
    console.log(`minute ${held.minute}: ${held.median.toFixed(0)} MiB (${held.min.toFixed(0)}-${held.max.toFixed(0)})`);
  }
  return minutes;
}

function draw(held: readonly Minute[]): void {
  const svg = plotSvg({
    title: "Memory at full rate, every kind of request in turn",
    xLabel: "minutes",
    yLabel: "MiB resident, medians; bars from the least to the most of each minute",
    xScale: "linear",
    points: held.map(({ minute, median, min, max }) => ({ x: minute, y: median, low: min, high: max })),
  });
  writeFileSync("bench/soak.svg", svg);
}

/** The last quarter is compared with the second: the first fills caches, and compiles. */
function complaints(failures: number, held: readonly Minute[]): readonly string[] {
  const quarter = Math.floor(held.length / 4);
  if (quarter === 0) return ["too short to judge: at least four minutes are needed"];
  const medianOf = (minutes: readonly Minute[]) => spreadOf(minutes.map(({ median }) => median)).median;
  const growth = medianOf(held.slice(-quarter)) / medianOf(held.slice(quarter, 2 * quarter));
  console.log(`memory of the last quarter / memory of the second: ${growth.toFixed(2)}`);
  return [
    ...(failures > 0 ? [`${failures} requests failed`] : []),
    ...(growth > MOST_GROWTH ? [`memory grew to ${growth.toFixed(2)} x`] : []),
  ];
}

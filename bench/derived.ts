/** `npm run bench -- derived`: what a token costs for each of many clients that a workload rule derives, beside one registered client. */
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { startIcemint } from "./icemint.js";
import { FULL, measure, QUICK } from "./measure.js";
import { table } from "./report.js";
import type { ServerProcess } from "./server-process.js";
import { askForToken, loadForm, type Workload } from "./workloads.js";

const CLUSTER = "https://kubernetes.default.svc";
const AUDIENCE = "https://tokens.example.com";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** As many tokens on both sides: nothing is gained by a token that was seen before. */
const TOKENS = 10_000;

/** The rounds last less than an hour, for which a kubelet's token is good. */
const LIFE_SECONDS = 3600;

/** By namespace: the client that is registered, and the rule that derives clients. Both servers have both. */
const REGISTERED = "one";
const DERIVED = "many";

export async function benchDerived(clients: number, isQuick: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  const servers = new Map<string, ServerProcess>();
  try {
    const cluster = makeCluster(join(folder, "cluster.json"));
    // Before the servers start: signing takes seconds, in which a connection to them would be closed.
    const workloads = [
      workloadOf(REGISTERED, "one registered client", undefined, cluster.tokensOf(REGISTERED, 1)),
      workloadOf(DERIVED, `${clients} derived clients`, REGISTERED, cluster.tokensOf(DERIVED, clients)),
    ];
    for (const name of [REGISTERED, DERIVED]) {
      const trustedIssuers = [cluster.settings];
      servers.set(name, await startIcemint({ folder, name, trustedIssuers, ...settings() }));
    }
    console.log(`Node ${process.version}, ${availableParallelism()} cores, which the load generator shares`);
    console.log(`\n${table(await measure(workloads, servers, isQuick ? QUICK : FULL))}\n`);
  } finally {
    for (const server of servers.values()) await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
}

function settings() {
  const grants = ["jwt_bearer"];
  const rule = { name: DERIVED, issuer: CLUSTER, subject: subjectOf("*", DERIVED), client_id: "many/{1}", grants };
  const federated = [{ issuer: CLUSTER, subject: subjectOf("w0", REGISTERED) }];
  return { otherClients: [{ id: "registered", federated, grants }], settings: { workloads: [rule] } };
}

function workloadOf(id: string, title: string, floor: string | undefined, tokens: readonly string[]): Workload {
  const bodies = tokens.map((assertion) => new URLSearchParams({ grant_type: JWT_BEARER, assertion }).toString());
  return {
    id,
    title,
    server: "icemint-memory",
    floor,
    async run(url, seconds) {
      await askForToken(url, bodies[0] ?? "");
      return loadForm({ url, seconds, bodies });
    },
  };
}

const subjectOf = (name: string, namespace: string): string => `system:serviceaccount:${namespace}:${name}`;

/** An issuer like a cluster: RS256, and tokens that last an hour. */
function makeCluster(file: string) {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(file, JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k", alg: "RS256" }] }));
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = part({ alg: "RS256", kid: "k" });
  return {
    settings: { issuer: CLUSTER, jwks_file: file, use: ["client_assertion"] },
    /** Tokens of so many workloads of a namespace, each in turn, no two of them alike. */
    tokensOf(namespace: string, workloads: number): readonly string[] {
      const now = Math.floor(Date.now() / 1000);
      return Array.from({ length: TOKENS }, (_, at) => {
        const sub = subjectOf(`w${at % workloads}`, namespace);
        const claims = { iss: CLUSTER, sub, aud: [AUDIENCE], iat: now, exp: now + LIFE_SECONDS, jti: String(at) };
        const input = `${header}.${part(claims)}`;
        return `${input}.${sign("sha256", Buffer.from(input), privateKey).toString("base64url")}`;
      });
    },
  };
}

/** icemint as a contender: the built program, audit, metrics and limits on, its log in a file. */
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort } from "../test/support/free-port.js";
import { BENCH_CLIENT } from "./bench-client.js";
import { startServer, type ServerProcess } from "./server-process.js";

const ANY_NODE = new URL("contenders/any-node.js", import.meta.url).pathname;

export interface IcemintOptions {
  /** A folder of the bench's own, for settings and log. */
  readonly folder: string;
  readonly name: string;
  readonly redisUrl?: string;
  /** More clients beside the bench's own. */
  readonly otherClients?: readonly object[];
  readonly trustedIssuers?: readonly object[];
  /** More sections of the settings. */
  readonly settings?: object;
  /** More arguments of `icemint serve`. */
  readonly serveArgs?: readonly string[];
  /** Absent: a file in the folder. */
  readonly logFile?: string;
  /** The Node that runs it, however old; absent: the one that runs the bench. */
  readonly node?: string;
  /** More arguments of `node`, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
  /** Whether it runs as the modules that `tsc` writes, whose paths name the parts. */
  readonly asModules?: boolean;
}

export async function startIcemint(options: IcemintOptions): Promise<ServerProcess> {
  const {
    folder,
    name,
    redisUrl,
    otherClients = [],
    trustedIssuers = [],
    nodeArgs = [],
    serveArgs = [],
    settings = {},
  } = options;
  const port = await freePort();
  const config = join(folder, `${name}.yaml`);
  writeFileSync(
    config,
    stringify({
      issuer: "https://tokens.example.com",
      ...settings,
      ...(redisUrl !== undefined && { redis: { url: redisUrl, prefix: name } }),
      clients: [benchClient(), ...otherClients],
      ...(trustedIssuers.length > 0 && { trusted_issuers: trustedIssuers }),
    }),
  );
  return startServer({
    ...(options.node !== undefined && { node: options.node }),
    args: [
      ...nodeArgs,
      options.node === undefined && options.asModules !== true ? "dist/main.js" : ANY_NODE,
      "serve",
      "--config",
      config,
      ...serveArgs,
    ],
    env: {
      ICEMINT_LISTEN: `127.0.0.1:${port}`,
      ICEMINT_ADMIN_LISTEN: `127.0.0.1:${await freePort()}`,
      ...(redisUrl !== undefined && { ICEMINT_SEALING_KEY: randomBytes(32).toString("base64") }),
    },
    logFile: options.logFile ?? join(folder, `${name}.log`),
    port,
  });
}

function benchClient(): object {
  return {
    id: BENCH_CLIENT.id,
    secrets: [{ sha256: createHash("sha256").update(BENCH_CLIENT.secret).digest("hex") }],
    grants: ["client_credentials", "token_exchange", "refresh_token"],
    scopes: { allowed: [BENCH_CLIENT.scope], default: [BENCH_CLIENT.scope] },
    unsecured_subjects: { allow: ["user-*"] },
  };
}

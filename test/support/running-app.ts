/** The whole server in this process, on free ports, from a settings file as a user writes it; its log is kept. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type App, startApp } from "../../src/app.js";
import type { Config } from "../../src/config/config.js";
import { localDisk } from "../../src/config/reading/disk.js";
import { readConfig } from "../../src/config/read.js";
import { SECOND } from "../../src/time/clock.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { recordedSink } from "../telemetry/recorded-sink.js";

export interface RunningAppOptions {
  /** The settings file; the ports are set here. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Files beside it, by name, which it may name by that. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Where the server's clock stands still but for `pass`, in milliseconds; absent: it is the machine's. */
  readonly frozenAt?: number;
}

export interface RunningApp extends AsyncDisposable {
  readonly app: App;
  readonly config: Config;
  readonly port: number;
  /** `http://127.0.0.1:<port>` of the tokens, and of the admin port. */
  readonly url: string;
  readonly adminUrl: string;
  /** Everything logged so far, at level debug. */
  readonly log: readonly string[];
  /** Moves the server's clock on. */
  pass(seconds: number): void;
}

export async function runApp({ settings, files = {}, env = {}, frozenAt }: RunningAppOptions): Promise<RunningApp> {
  const folder = mkdtempSync(join(tmpdir(), "icemint-app-"));
  let ahead = 0;
  const clock = (): number => (frozenAt ?? Date.now()) + ahead;
  const { sink, lines } = recordedSink();
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const file = join(folder, "icemint.yaml");
    writeFileSync(file, stringify({ ...settings, listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }));
    const config = readConfig({ file, env, disk: localDisk, clock });
    const logger = createLogger({ level: "debug", sink, clock });
    const app = await startApp({ config, version: "0.0.0", clock, logger, sink });
    return {
      app,
      config,
      port: app.address.port,
      url: `http://127.0.0.1:${app.address.port}`,
      adminUrl: `http://127.0.0.1:${app.adminAddress.port}`,
      log: lines,
      pass: (seconds) => void (ahead += seconds * SECOND),
      async [Symbol.asyncDispose]() {
        await app.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

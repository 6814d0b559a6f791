/** Iceberg's own REST catalog (`RESTCatalogServlet` of iceberg-core 1.10.1) as a process. It checks nobody: the test puts something before it. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { accepting, freePort } from "../../support/free-port.js";
import type { Engine } from "../engines.js";

/** A request that reached the catalog. */
export interface CatalogRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

const START_WITHIN_MS = 30_000;

export class IcebergCatalog implements AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** The folder of the tables' files. */
  readonly folder: string;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = "";
  #stderr = "";

  private constructor({ command, args }: Extract<Engine, { readonly command: string }>, port: number) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.folder = mkdtempSync(join(tmpdir(), "icemint-catalog-"));
    this.#child = spawn(command, [...args, String(port), pathToFileURL(this.folder).href], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
  }

  /** `engine`: `icebergEngine("Catalog")`. */
  static async start(engine: Engine): Promise<IcebergCatalog> {
    if ("missing" in engine) throw new Error(engine.missing);
    const catalog = new IcebergCatalog(engine, await freePort());
    const ended = once(catalog.#child, "close").then(() => Promise.reject(new Error(`it ended:\n${catalog.#stderr}`)));
    try {
      await Promise.race([accepting(catalog.port, START_WITHIN_MS), ended]);
    } catch (error) {
      await catalog[Symbol.asyncDispose]();
      throw error;
    }
    ended.catch(() => {}); // as disposing wants it, later
    return catalog;
  }

  /** What has come so far. */
  requests(): readonly CatalogRequest[] {
    const lines = this.#stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as CatalogRequest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, "close");
      this.#child.kill("SIGKILL");
      await closed;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

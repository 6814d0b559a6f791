/** Iceberg clients that write and read tables, in programs of their own. All take `start`, `append` and `count`. */
import { join } from "node:path";
import { TABLE_PACKAGES, pythonEnvironment } from "../../support/python-env.js";
import { icebergEngine } from "../engines.js";
import { LineProgram } from "../line-program.js";

/** A client, or why there is none. */
export interface TableClient {
  readonly name: string;
  /** Ends the name of what is skipped. */
  readonly missing: string | undefined;
  start(): LineProgram;
}

/** PyIceberg 0.12.0 with pyarrow. */
export function pyIceberg(): Promise<TableClient> {
  return inPython("PyIceberg", "tables.py");
}

/** DuckDB 1.5.5 with its `iceberg` extension. */
export function duckDb(): Promise<TableClient> {
  return inPython("DuckDB", "duckdb_tables.py");
}

async function inPython(name: string, file: string): Promise<TableClient> {
  const environment = await pythonEnvironment(...TABLE_PACKAGES);
  const program = join(import.meta.dirname, "../python", file);
  return {
    name,
    missing: "missing" in environment ? environment.missing : undefined,
    start() {
      if ("missing" in environment) throw new Error(environment.missing);
      return new LineProgram(environment.python, [program]);
    },
  };
}

/** iceberg-core 1.10.1. */
export async function javaIceberg(): Promise<TableClient> {
  const engine = await icebergEngine("Tables");
  return {
    name: "Iceberg's Java client",
    missing: "missing" in engine ? engine.missing : undefined,
    start() {
      if ("missing" in engine) throw new Error(engine.missing);
      return new LineProgram(engine.command, engine.args);
    },
  };
}

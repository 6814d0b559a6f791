/** Load over HTTP/2 by h2load (package nghttp2-client of Debian, nghttp2 of Homebrew). */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { percentile, type Load } from "./load.js";

/** One unary gRPC call, and how hard to repeat it. */
export interface GrpcLoad {
  readonly url: string;
  readonly connections: number;
  /** Calls at a time on each connection. */
  readonly streams: number;
  readonly seconds: number;
  /** The message, without its five bytes of gRPC framing. */
  readonly message: Uint8Array;
}

/** Repeats a call for some seconds. h2load sees HTTP statuses only: that the call works must be tried before. */
export async function loadGrpc({ url, connections, streams, seconds, message }: GrpcLoad): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  try {
    const body = join(folder, "message");
    const log = join(folder, "log");
    writeFileSync(body, framed(message));
    const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
    const amount = ["-c", String(connections), "-m", String(streams), "-D", String(seconds)];
    const args = [...amount, "-d", body, `--log-file=${log}`, ...headers, url];
    await promisify(execFile)("h2load", args, { maxBuffer: 16 * 1024 * 1024 });
    return readLog(readFileSync(log, "utf8"), seconds);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new Error("h2load is missing: apt-get install -y nghttp2-client, or brew install nghttp2", {
        cause: error,
      });
    }
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A line is: start in microseconds since the epoch, HTTP status (-1: none), microseconds until the end. */
export function readLog(text: string, seconds: number): Load {
  const latencies: number[] = [];
  let failures = 0;
  for (const line of text.split("\n")) {
    const [, status, microseconds] = line.split("\t");
    if (status === undefined) continue;
    if (status === "200") latencies.push(Number(microseconds) / 1000);
    else failures++;
  }
  const sorted = latencies.toSorted((a, b) => a - b);
  const p50Ms = percentile(sorted, 0.5);
  return { requests: latencies.length, failures, seconds, p50Ms, p99Ms: percentile(sorted, 0.99) };
}

/** A gRPC message: not compressed, its length, itself. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/**
 * Load over HTTP/1.1 by wrk (package wrk of Debian and Homebrew). A generator in JavaScript is about as fast as the
 * servers measured here, which flatters the faster of two: one that keeps the generator busy never has to wake it.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Load } from "./load.js";

/** A POST, and how hard to repeat it. */
export interface Http1Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Taken in turn; `TOKEN` in them, and in headers, stands for a token. */
  readonly bodies: readonly string[];
  /** Each is used once; then those that answers bring, under this member's name, each once too. */
  readonly tokens?: { readonly first: readonly string[]; readonly member: string } | undefined;
}

/** Repeats a POST for some seconds. */
export async function loadHttp1(load: Http1Load): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  try {
    const script = join(folder, "load.lua");
    writeFileSync(script, luaScript(load));
    const amount = ["-t", "1", "-c", String(load.connections), "-d", String(load.seconds), "--timeout", "10"];
    const { stdout } = await promisify(execFile)("wrk", [...amount, "--latency", "-s", script, load.url]);
    return readWrk(stdout, load.seconds);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new Error("wrk is missing: apt-get install -y wrk, or brew install wrk", { cause: error });
    }
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function luaScript({ headers, bodies, tokens }: Http1Load): string {
  const list = (values: readonly string[]) => `{${values.map((value) => JSON.stringify(value)).join(",")}}`;
  const fields = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}]=${JSON.stringify(value)}`,
  );
  const fixed = `local bodies=${list(bodies)}\nlocal at=0\n`;
  const [only = ""] = bodies;
  // The same request each time costs wrk nothing, and the faster it is, the less it shows.
  if (tokens === undefined && bodies.length === 1) {
    return `wrk.method="POST"\n${fields.join("\n")}\nwrk.body=${JSON.stringify(only)}\n`;
  }
  if (tokens === undefined) {
    return `wrk.method="POST"\n${fields.join("\n")}\n${fixed}
      local requests={}
      init=function() for i,body in ipairs(bodies) do requests[i]=wrk.format(nil,nil,nil,body) end end
      request=function() at=at%#requests+1 return requests[at] end\n`;
  }
  // All connections of the one thread share the queue. A token's characters mean nothing in a pattern's replacement.
  return `wrk.method="POST"\n${fields.join("\n")}\n${fixed}
    local queue=${list(tokens.first)}
    local head,tail=1,#queue
    request=function()
      local token=queue[head]
      if head<=tail then queue[head]=nil head=head+1 end
      local fields={}
      for name,value in pairs(wrk.headers) do fields[name]=value:gsub("TOKEN",token) end
      return wrk.format(nil,nil,fields,(bodies[1]:gsub("TOKEN",token)))
    end
    response=function(status,_,body)
      local token=body:match('"${tokens.member}":"([^"]+)"')
      if token then tail=tail+1 queue[tail]=token end
    end\n`;
}

/** Reads what wrk prints. */
export function readWrk(text: string, seconds: number): Load {
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const [, ...socketErrors] = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
  const failures = socketErrors.reduce((sum, count) => sum + Number(count), refused);
  return {
    requests: requests - refused,
    failures,
    seconds,
    p50Ms: milliseconds(/^\s+50%\s+(\S+)\s*$/m.exec(text)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)\s*$/m.exec(text)?.[1]),
  };
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function milliseconds(text = ""): number {
  const [, number, unit = ""] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? Number.NaN);
}

/** The token requests of real clients, from `captures/`, ready to be sent. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { RawRequest } from "./http-exchange.js";

const FOLDER = join(import.meta.dirname, "captures");

/** One request, with names in braces where ids, secrets and tokens stood. */
export interface CapturedRequest extends RawRequest {
  /** The client and its version: the file's name. */
  readonly client: string;
  readonly scenario: string;
}

export function capturedRequests(): readonly CapturedRequest[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"));
  return files.flatMap((name) => {
    const lines = readFileSync(join(FOLDER, name), "utf8").trimEnd().split("\n");
    const client = name.slice(0, -".jsonl".length);
    return lines.map((line) => ({ client, ...(JSON.parse(line) as Omit<CapturedRequest, "client">) }));
  });
}

/** The request with values for its names, encoded as the client encodes them. Throws for a name without a value. */
export function filled(request: CapturedRequest, values: Readonly<Record<string, string>>): RawRequest {
  const valueOf = (name: string): string => {
    const value = values[name];
    if (value === undefined) throw new Error(`${request.client} ${request.scenario}: no value for {${name}}`);
    return value;
  };
  const asItIs = (text: string): string => text.replaceAll(/\{(\w+)\}/g, (_, name: string) => valueOf(name));
  const inForm = (text: string): string =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(valueOf(name)));
  const inHeader = (text: string): string =>
    asItIs(text).replace(/base64\((.*)\)$/s, (_, plain: string) => Buffer.from(plain, "utf8").toString("base64"));
  return {
    method: request.method,
    path: inForm(request.path),
    headers: request.headers.map(([name, value]) => [name, inHeader(value)]),
    body: inForm(request.body),
  };
}

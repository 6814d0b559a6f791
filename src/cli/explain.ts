/**
 * `icemint explain ID`: from a log, all that was decided under a request id, a `jti` or a session, or about a token, and what
 * to do. It asks no server. The token itself is never shown.
 */
import { createReadStream, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type JsonObject, isJsonObject } from "../oauth/json.js";
import type { Clock } from "../time/clock.js";
import type { CommandContext } from "./command.js";
import { searchLog, type Found, type TokenNames } from "./explain-search.js";
import { sentencesOf } from "./explain-text.js";
import { linesOf } from "./lines-of.js";
import { printable } from "./text-table.js";

export const USAGE = `usage: icemint explain ID [--log FILE]
       icemint explain --token-file FILE [--log FILE]

ID is a request id (X-Request-Id of the answer), a jti or a session (sid). Without --log, or with -, the log is read from
standard input: kubectl logs -l app.kubernetes.io/name=icemint --prefix | icemint explain ID
--token-file: about the token in the file. Its claims are shown, unchecked, and the token is not.
`;

export type ExplainContext = Pick<CommandContext, "args" | "stdout" | "stderr"> & { readonly clock: Clock };

const STDIN = 0;

/** Resolves with the exit code: 0, 1 if the log has nothing or cannot be read, 2 for wrong arguments. */
export async function explain({ args, stdout, stderr, clock }: ExplainContext): Promise<number> {
  const typed = readArguments(args);
  if (typed === undefined) {
    stderr.write(USAGE);
    return 2;
  }
  try {
    const claims = typed.tokenFile === undefined ? undefined : claimsIn(typed.tokenFile);
    if (claims !== undefined) stdout.write(aboutToken(claims, clock()));
    const log =
      typed.log === undefined || typed.log === "-" ? createReadStream("", { fd: STDIN }) : createReadStream(typed.log);
    const found = await searchLog(linesOf(log), typed.id ?? "", claims && namesIn(claims));
    stdout.write(found.records.map((record) => `${sentencesOf(record)}\n`).join("\n"));
    if (found.records.length > 0) return 0;
    stderr.write(nothing(found));
    return 1;
  } catch (error) {
    stderr.write(`icemint: ${error instanceof Error ? printable(error.message) : "failed"}\n`);
    return 1;
  }
}

function nothing({ linesRead, from, to }: Found): string {
  if (from === undefined) return `icemint: none of the ${linesRead} lines is one of icemint's log\n`;
  return (
    `icemint: nothing about this in ${linesRead} lines from ${printable(from)} to ${printable(to ?? from)}. ` +
    `Read an older log, and those of all replicas.\n`
  );
}

/** Throws an Error without anything of the token. */
function claimsIn(file: string): JsonObject {
  const [, payload = ""] = readFileSync(file, "utf8").trim().split(".");
  const claims = parsed(Buffer.from(payload, "base64url").toString("utf8"));
  if (claims === undefined) throw new Error(`${file} holds no JWT. A refresh token is opaque: explain its session.`);
  return claims;
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function namesIn({ jti, sid, sub, client_id: clientId }: JsonObject): TokenNames {
  return { jti: textIn(jti), sid: textIn(sid), sub: textIn(sub), clientId: textIn(clientId) };
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function aboutToken(claims: JsonObject, now: number): string {
  const { exp } = claims;
  const lines = Object.entries(claims).map(
    ([name, value]) => `  ${printable(name)}: ${printable(JSON.stringify(value))}`,
  );
  const ends = typeof exp === "number" ? new Date(exp * 1000) : undefined;
  const state =
    ends === undefined || Number.isNaN(ends.getTime())
      ? "It has no usable exp."
      : `It ${ends.getTime() <= now ? "expired" : "expires"} at ${ends.toISOString()}.`;
  return `The token says, unchecked:\n${lines.join("\n")}\n${state}\n\n`;
}

function readArguments(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: hyphenLast(args),
      options: { log: { type: "string" }, "token-file": { type: "string" } },
      allowPositionals: true,
    });
    const [id, ...more] = positionals;
    const tokenFile = values["token-file"];
    if (more.length > 0 || id === "" || (id === undefined) === (tokenFile === undefined)) return undefined;
    return { id, tokenFile, log: values.log };
  } catch {
    return undefined;
  }
}

/** One session id in 64 begins with a hyphen, and is no option. */
function hyphenLast(args: readonly string[]): string[] {
  const id = args.find((argument) => /^-[\w-]{21}$/.test(argument));
  return id === undefined ? [...args] : [...args.filter((argument) => argument !== id), "--", id];
}

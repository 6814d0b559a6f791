/** Log lines for a person at a terminal, made from the JSON that a machine would get. */
import { isJsonObject, type JsonValue } from "../oauth/json.js";
import { jsonString } from "./json-text.js";

const COLOURS: Readonly<Record<string, string>> = { debug: "2", info: "32", warn: "33", error: "31" };
const BARE = /^[\p{L}\p{N}._~:@/+-]+$/u;

/** Turns one line of JSON into one plain line. A line that is not JSON stays as it is. */
export function prettyLine(line: string): string {
  const record = parse(line);
  if (!isJsonObject(record)) return line;
  const { level, time, msg, event, audit, stack, ...fields } = record;
  const word = typeof level === "string" ? level : "info";
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  const title = typeof msg === "string" ? msg : `${audit === true ? "audit " : ""}${show(event ?? "")}`;
  const rest = Object.entries(fields).map(([name, value]) => ` \u001B[2m${name}=\u001B[0m${show(value)}`);
  const trace = typeof stack === "string" ? stack.split("\n").map((at) => `\n    ${clean(at.trim())}`) : [];
  const colour = COLOURS[word] ?? "0";
  const head = `\u001B[2m${clock}\u001B[0m \u001B[${colour}m${word.padEnd(5)}\u001B[0m ${clean(title)}`;
  return `${head}${rest.join("")}${trace.join("")}\n`;
}

function parse(line: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(line);
    return value;
  } catch {
    return undefined;
  }
}

/** Words as they are; anything that could be mistaken for more than one value in quotes. */
function show(value: JsonValue): string {
  if (typeof value === "string") return BARE.test(value) ? value : jsonString(value);
  return typeof value === "object" && value !== null ? clean(JSON.stringify(value)) : `${value}`;
}

/** Nothing in a line may steer the terminal. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

/**
 * What is sent on one connection, as a text that a person can read and change:
 *
 *     send "POST / HTTP/1.1\r\n"   a JSON string, one byte for each character
 *     hex 00000004                 bytes
 *     flush                        what was sent goes out as a packet of its own
 *     wait                         until the server answers or closes, for a moment at most
 *     end                          the sending side is closed
 *     reset                        the connection is cut with RST
 */
import { Buffer } from "node:buffer";

export type Step = { readonly kind: "send"; readonly bytes: Buffer } | { readonly kind: (typeof WORDS)[number] };

export type ByteScript = readonly Step[];

const WORDS = ["flush", "wait", "end", "reset"] as const;

/** Visible characters of ASCII, and line ends: more readable as text than as digits. */
const READABLE = /[\x20-\x7e\r\n]{12,}/g;
const LINE = /[^\n]{1,4000}\n?|\n/g;
const BYTES_A_LINE = 48;

export function send(bytes: Buffer | string): Step {
  return { kind: "send", bytes: typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes };
}

export function writeScript(script: ByteScript, comment: string): string {
  const lines = script.flatMap((step) => (step.kind === "send" ? writeBytes(step.bytes) : [step.kind]));
  return `# ${comment}\n${lines.join("\n")}\n`;
}

function writeBytes(bytes: Buffer): string[] {
  const text = bytes.toString("latin1");
  const lines: string[] = [];
  let from = 0;
  for (const match of text.matchAll(READABLE)) {
    lines.push(...writeHex(bytes.subarray(from, match.index)));
    lines.push(...(match[0].match(LINE) ?? []).map((line) => `send ${JSON.stringify(line)}`));
    from = match.index + match[0].length;
  }
  return [...lines, ...writeHex(bytes.subarray(from))];
}

function writeHex(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_A_LINE) {
    lines.push(`hex ${bytes.subarray(at, at + BYTES_A_LINE).toString("hex")}`);
  }
  return lines;
}

/** Bytes of lines without a `flush` between them are sent as one. Throws for a line that is none of the above. */
export function readScript(text: string): ByteScript {
  const steps: Step[] = [];
  for (const line of text.split("\n").filter((one) => one !== "" && !one.startsWith("#"))) {
    const step = readStep(line);
    const last = steps.at(-1);
    if (step.kind === "send" && last?.kind === "send")
      steps.splice(-1, 1, send(Buffer.concat([last.bytes, step.bytes])));
    else steps.push(step);
  }
  return steps;
}

function readStep(line: string): Step {
  const word = WORDS.find((known) => known === line);
  if (word !== undefined) return { kind: word };
  if (line.startsWith("send ")) return send(JSON.parse(line.slice(5)) as string);
  if (line.startsWith("hex ")) return send(Buffer.from(line.slice(4), "hex"));
  throw new Error(`no step of a script: ${line}`);
}

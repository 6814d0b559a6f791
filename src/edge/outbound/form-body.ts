/** Reads the form of a request. */
import type { IncomingMessage } from "node:http";

/** Two tokens of 16 KiB each, and room. */
const MAX_BYTES = 64 * 1024;
/** `URLSearchParams` repairs broken escapes silently. */
const WELL_FORMED = /^(?:[\x20-\x24\x26-\x7E]|%[0-9A-Fa-f]{2})*$/;
/** RFC 6749 section 3.2: these must not be sent twice. */
const REPEATABLE: ReadonlySet<string> = new Set(["audience", "resource"]);

export interface FormRefusal {
  readonly status: 400 | 413 | 415;
  readonly reason: string;
}

export async function readForm(request: IncomingMessage): Promise<URLSearchParams | FormRefusal> {
  const [type = ""] = (request.headers["content-type"] ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/x-www-form-urlencoded") {
    return { status: 415, reason: "Send a form (application/x-www-form-urlencoded)." };
  }
  const chunks: Buffer[] = [];
  let size = 0;
  // The connection must stay for the answer.
  const pieces: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of pieces) {
    size += chunk.length;
    if (size > MAX_BYTES) return { status: 413, reason: `The form is longer than ${MAX_BYTES} bytes.` };
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString("latin1");
  if (!WELL_FORMED.test(body)) return { status: 400, reason: "The form is malformed." };
  const form = new URLSearchParams(body);
  const names = [...form.keys()].filter((name) => !REPEATABLE.has(name));
  if (new Set(names).size < names.length) return { status: 400, reason: "A parameter is sent twice." };
  return form;
}

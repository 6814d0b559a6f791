/** What engines must present, where the settings want it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";

/** Whether a request presents the secret. Rejects if the file cannot be read. */
export type EngineSecret = (form: URLSearchParams, authorization: string | undefined) => Promise<boolean>;

/** The file is read for each request. Ids are ignored. */
export function createEngineSecret(file: string | undefined): EngineSecret {
  if (file === undefined) return () => Promise.resolve(true);
  return async (form, authorization) => {
    const secret = (await readFile(file, "utf8")).trim();
    if (secret === "") throw new Error("the secret file is empty");
    const presented = [form.get("client_secret") ?? "", ...secretsOfBasic(authorization)];
    return presented.map((one) => isSame(one, secret)).includes(true);
  };
}

/** Engines send id and secret as they are, or each encoded (RFC 6749 section 2.3.1); some send the secret alone. */
function secretsOfBasic(authorization = ""): readonly string[] {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization) ?? [];
  if (encoded === undefined) return [];
  const pair = Buffer.from(encoded, "base64").toString();
  const secret = pair.slice(pair.indexOf(":") + 1);
  return [secret, decoded(secret)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digestOf(one), digestOf(other));
}

/** Strings of different lengths take the same time. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

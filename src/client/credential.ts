/** A service's credential for icemint. A file or a function is read again for every request. */
import { readFile } from "node:fs/promises";
import { SECOND } from "../time/clock.js";
import { within } from "./within.js";

/** A credential: an id with a secret, or an assertion (RFC 7523), which may name the client by itself. */
export type CredentialOptions =
  | { readonly clientId: string; readonly clientSecret: string | TextSource }
  | { readonly clientId: string; readonly clientSecretFile: string }
  | { readonly clientId?: string; readonly assertion: TextSource }
  | { readonly clientId?: string; readonly assertionFile: string };

/** Called for each request. */
export type TextSource = () => string | Promise<string>;

/** The names are those of the gRPC messages. */
export interface PresentedCredential {
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly clientAssertion?: string;
}

/** Rejects after ten seconds. The error never contains the credential. */
export type Credential = (signal: AbortSignal) => Promise<PresentedCredential>;

const TIMEOUT_MS = 10 * SECOND;

/** Throws `TypeError` unless there is exactly one credential. */
export function credentialOf(options: CredentialOptions): Credential {
  const { clientId, clientSecret, clientSecretFile, assertion, assertionFile }: AllOptions = options;
  const id = clientId === undefined ? {} : { clientId };
  const secretSource = sourceOf(clientSecret, clientSecretFile);
  const assertionSource = sourceOf(assertion, assertionFile);
  if (assertionSource !== undefined && secretSource === undefined) {
    return async (signal) => ({ ...id, clientAssertion: await read(assertionSource, signal) });
  }
  // An environment variable that is not set arrives here as undefined.
  if (secretSource === undefined || assertionSource !== undefined) {
    throw new TypeError("one credential is needed: clientSecret, clientSecretFile, assertion or assertionFile");
  }
  if (!clientId) throw new TypeError("clientId is missing");
  return async (signal) => ({ ...id, clientSecret: await read(secretSource, signal) });
}

interface AllOptions {
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | TextSource | undefined;
  readonly clientSecretFile?: string | undefined;
  readonly assertion?: TextSource | undefined;
  readonly assertionFile?: string | undefined;
}

function sourceOf(given: string | TextSource | undefined, file: string | undefined): TextSource | undefined {
  if (typeof given === "function") return given;
  if (given) return () => given;
  return file ? inFile(file) : undefined;
}

/** Kubernetes and others replace such files while they are in use. */
function inFile(path: string): TextSource {
  return async () => (await readFile(path, "utf8")).trim();
}

async function read(source: TextSource, signal: AbortSignal): Promise<string> {
  const text = await within(TIMEOUT_MS, signal, Promise.resolve(source()));
  if (typeof text !== "string" || text === "") throw new TypeError("the credential is empty");
  return text;
}

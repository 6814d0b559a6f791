/** Asks a catalog for its settings with the token alone, and explains why it says no. The credential never goes there. */
import { clean, redact } from "./clean.js";
import type { Answer, Exchange } from "./exchange.js";
import { readClaims, readObject } from "./oauth-answer.js";
import type { Sightings } from "./sightings.js";

/** Of what the catalog says: the token's claims follow. */
const MOST_WORDS = 150;

export interface CatalogQuestion {
  /** Below it is `/v1/config`. */
  readonly catalog: URL;
  readonly warehouse: string | undefined;
  readonly token: string;
}

/** Adds what is wrong. Gives a sentence when nothing is. */
export async function askCatalog(
  { catalog, warehouse, token }: CatalogQuestion,
  exchange: Exchange,
  seen: Sightings,
): Promise<string | undefined> {
  const url = new URL(catalog);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/config`;
  if (warehouse !== undefined) url.searchParams.set("warehouse", warehouse);
  const headers = [
    ["Accept", "application/json"],
    ["Authorization", `Bearer ${token}`],
  ] as const;
  const outcome = await exchange.send(url, { method: "GET", headers, body: "" });
  if (outcome.kind === "failure") {
    seen.add("CATALOG_ERROR", outcome.text);
    return undefined;
  }
  if (outcome.status === 200) {
    if (readObject(outcome.body) !== undefined) return "The catalog takes the token.";
    seen.add("CATALOG_NOT_THERE", `200, and no JSON: ${outcome.body}`);
    return undefined;
  }
  seen.add(findingOf(outcome.status), `${outcome.status} ${saidBy(outcome, token)}. ${describeToken(token)}`);
  return undefined;
}

function findingOf(status: number): string {
  if (status === 401) return "CATALOG_REFUSES_TOKEN";
  if (status === 403) return "CATALOG_FORBIDS";
  if (status === 419) return "CATALOG_STATUS_419";
  if (status === 404 || status === 405) return "CATALOG_NOT_THERE";
  return status === 400 ? "CATALOG_CONFIG_REFUSED" : "CATALOG_ERROR";
}

/** The catalog's own words: its error's message, or its challenge. */
function saidBy({ body, headers }: Answer, token: string): string {
  const error = readObject(body)?.["error"];
  const message = typeof error === "object" && error !== null && "message" in error ? String(error.message) : body;
  // What is cut may not leave half a token behind.
  const said = redact(`${message} ${headers["www-authenticate"] ?? ""}`, [token]);
  return clean(said, MOST_WORDS) || "without a word";
}

/** The claims of a JWT that a catalog may compare. */
function describeToken(token: string): string {
  const claims = readClaims(token);
  if (claims === undefined) return "The token is opaque: a catalog can only introspect it.";
  const shown = ["iss", "aud", "sub", "scope", "exp"].map(
    (name) => `${name}=${JSON.stringify(claims[name]) ?? "absent"}`,
  );
  return `The token says ${shown.join(" ")}`;
}

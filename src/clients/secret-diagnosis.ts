/**
 * Says for the log why a secret was refused. It runs when the log is written, after the answer: callers hear and time
 * the same for every cause.
 */
import type { AuthenticationFailure, Explanation } from "../oauth/error.js";
import { type Client, isCurrent } from "./client.js";
import type { ClientSet } from "./client-registry.js";
import type { SecretPair } from "./presented-credentials.js";
import { secretDigest } from "./secret.js";
import { type FoundSecret, ownerOfDigest } from "./secret-owners.js";
import { shownId } from "./shown-id.js";

/** A secret that was refused. */
export interface RefusedSecret {
  readonly method: string;
  /** The readings that were tried. Empty: the header was malformed. */
  readonly pairs: readonly SecretPair[];
  /** The `client_id` beside it. */
  readonly clientId: string | undefined;
  /** A chosen secret that was equal, and yet is not accepted. */
  readonly slow: FoundSecret | undefined;
  /** Milliseconds. */
  readonly at: number;
}

interface Finding extends Explanation {
  readonly failure: AuthenticationFailure;
}

/** The most telling first: where a header has two readings, the better one explains the refusal. */
const MOST_TELLING: readonly AuthenticationFailure[] = [
  "secret_expired",
  "client_disabled",
  "id_and_secret_swapped",
  "secret_of_another_client",
  "secret_wrong",
  "client_unknown",
];

export function diagnoseSecret(refused: RefusedSecret, clients: ClientSet): Explanation {
  const { method, pairs, clientId, slow, at } = refused;
  const found = slow === undefined ? pairs.map((pair) => diagnosePair(pair, clients, at)) : [refusedThough(slow, at)];
  const [finding] = found.toSorted((a, b) => rankOf(a) - rankOf(b));
  if (finding === undefined) {
    const { client } = shownId(clients, clientId);
    return { failure: "header_malformed", client, detail: `${method}: the header is not base64 of id:secret` };
  }
  return { ...finding, detail: `${method}: ${finding.detail}` };
}

function rankOf({ failure }: Finding): number {
  const rank = MOST_TELLING.indexOf(failure);
  return rank < 0 ? MOST_TELLING.length : rank;
}

function diagnosePair({ clientId, secret }: SecretPair, clients: ClientSet, at: number): Finding {
  const owner = ownerOfDigest(clients, secretDigest(secret));
  if (owner !== undefined && (clientId === undefined || clientId === owner.client.id)) return refusedThough(owner, at);
  if (clientId === undefined) return { failure: "secret_unknown", detail: "no client has this secret" };
  const swapped = swappedWith(clientId, secret, clients);
  if (swapped !== undefined) return swapped;
  if (owner !== undefined) return ofAnother(clientId, owner, clients, at);
  const client = clients.byId.get(clientId);
  if (client === undefined) return unknownClient(clientId, clients);
  return {
    failure: "secret_wrong",
    client: client.id,
    detail: `no secret of the client is this one${stateOf(client)}`,
  };
}

/** A secret that is right, of a client that is named, and that is refused all the same. */
function refusedThough({ client, secret }: FoundSecret, at: number): Finding {
  const { name, expiresAt } = secret;
  const known = { client: client.id, secretName: name };
  if (expiresAt !== undefined && !isCurrent(secret, at)) {
    const when = new Date(expiresAt).toISOString();
    return { failure: "secret_expired", ...known, detail: `the secret ${name} expired at ${when}${stateOf(client)}` };
  }
  if (client.disabled) {
    return { failure: "client_disabled", ...known, detail: `the secret ${name} is right, and the client is disabled` };
  }
  // The settings have changed since the refusal, or only a generated secret finds its client without an id.
  return { failure: "secret_unknown", ...known, detail: `the secret ${name} does not find its client without the id` };
}

function ofAnother(clientId: string, owner: FoundSecret, clients: ClientSet, at: number): Finding {
  const { client, secret } = owner;
  const shown = shownId(clients, clientId);
  const expired = isCurrent(secret, at) ? "" : ", and has expired";
  const about = clients.byId.has(clientId) ? "" : "; no client has the id that was sent";
  return {
    failure: "secret_of_another_client",
    client: shown.client,
    secretName: secret.name,
    detail: `the secret ${secret.name} belongs to client ${client.id}${expired}${about}`,
  };
}

function unknownClient(clientId: string, clients: ClientSet): Finding {
  const { client, detail } = shownId(clients, clientId);
  return { failure: "client_unknown", client, detail: detail ?? "no client has this id" };
}

/** Where the secret's place holds the id of a client, the id's place probably holds its secret. */
function swappedWith(clientId: string, secret: string, clients: ClientSet): Finding | undefined {
  const client = clients.byId.get(secret);
  if (client === undefined || clients.byId.has(clientId)) return undefined;
  const owner = ownerOfDigest(clients, secretDigest(clientId));
  const isCertain = owner?.client === client;
  return {
    failure: "id_and_secret_swapped",
    client: client.id,
    secretName: isCertain ? owner.secret.name : undefined,
    detail: isCertain
      ? `the id stands in the secret's place, and the secret ${owner.secret.name} in the id's`
      : "the secret's place holds a client's id: the two are probably swapped",
  };
}

function stateOf({ disabled, secrets }: Client): string {
  const hasSecrets = secrets.length > 0;
  return `${hasSecrets ? "" : ", since it has none"}${disabled ? "; the client is disabled as well" : ""}`;
}

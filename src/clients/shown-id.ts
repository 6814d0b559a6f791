/** Which claimed id the log may show: a caller may have put its secret in the id's place. */
import { hash } from "node:crypto";
import type { Explanation } from "../oauth/error.js";
import type { ClientSet } from "./client-registry.js";
import { ownerOfDigest } from "./secret-owners.js";

/** What ids are made of, as the settings demand it. */
const ID = /^[A-Za-z0-9._~@/-]+$/;
/** Made of words: what a person calls a client, and no generator of secrets makes. */
const WORDS =
  /^(?:[A-Za-z]{1,16}|[0-9]{1,6}|[A-Za-z]{1,10}[0-9]{1,3})(?:[._~@/-](?:[A-Za-z]{1,16}|[0-9]{1,6}|[A-Za-z]{1,10}[0-9]{1,3}))*$/;
/** Shorter than any generated secret, and than any from a file or variable. */
const SHORT = 24;
const GENERATED = /^ic[mr]_/;

/** `client` for the log if it is no secret; otherwise why it is not shown. */
export function shownId(clients: ClientSet, id: string | undefined): Pick<Explanation, "client" | "detail"> {
  if (id === undefined) return {};
  if (clients.byId.has(id)) return { client: id };
  if (!ID.test(id)) return { detail: `the id is not shown: of its ${id.length} characters some are in no client's id` };
  const mayBeSecret =
    GENERATED.test(id) ||
    (id.length >= SHORT && !WORDS.test(id)) ||
    ownerOfDigest(clients, hash("sha256", id, "hex")) !== undefined;
  return mayBeSecret
    ? { detail: `the id is not shown: no client has it, and its ${id.length} characters may be a secret` }
    : { client: id };
}

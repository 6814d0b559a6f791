/** The edge's own identity, as options of `icemint/client` and `icemint/verifier`. Its file is read for each request. */
import type { CredentialOptions } from "../client/credential.js";
import type { Clock } from "../time/clock.js";
import type { EdgeSettings } from "./settings/settings.js";
import { createSignedAssertion } from "./signed-assertion.js";

export function identityOf(
  { credential, server, tokenPath }: Pick<EdgeSettings, "credential" | "server" | "tokenPath">,
  clock: Clock,
): CredentialOptions {
  const { file } = credential;
  if (credential.kind === "secret") return { clientId: credential.clientId, clientSecretFile: file };
  if (credential.kind === "private_key") {
    const { clientId } = credential;
    const audience = credential.audience ?? server + tokenPath;
    return { clientId, assertion: createSignedAssertion({ clientId, audience, file, clock }) };
  }
  return { assertionFile: file, ...(credential.clientId !== undefined && { clientId: credential.clientId }) };
}

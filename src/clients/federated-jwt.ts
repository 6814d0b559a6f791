/**
 * Clients without a secret: a workload's token of a trusted issuer (a Kubernetes service account, a SPIFFE JWT-SVID,
 * any OpenID Connect workload identity) stands for the client. Such tokens are used many times by design, with a `jti`
 * or without: the kubelet renews one at 80% of its life. Only those of an issuer with `single_use` are remembered.
 */
import type { Refuse } from "../jwt/compact-jws.js";
import { checkAge } from "../issuers/assertion-age.js";
import type { IssuerToken, IssuerTokenVerifier } from "../issuers/trusted-issuer.js";
import type { ReplayPurpose, Replays } from "../storage/replays.js";
import type { Clock } from "../time/clock.js";
import { useIssuerToken } from "./assertion-use.js";
import type { Client } from "./client.js";
import type { ClientRegistry, ClientSet } from "./client-registry.js";

export interface FederatedDependencies {
  readonly registry: ClientRegistry;
  readonly issuerTokens: IssuerTokenVerifier;
  readonly replays: Replays;
  readonly clock: Clock;
}

/** Finds the client that a workload's token stands for. Throws `refuse(…)`, or `temporarily_unavailable`. */
export async function authenticateFederated(
  jwt: string,
  purpose: ReplayPurpose,
  refuse: Refuse,
  { registry, issuerTokens, replays, clock }: FederatedDependencies,
): Promise<Client> {
  const token = await issuerTokens.verify(jwt, "client_assertion", refuse);
  if (purpose === "grant") checkAge(token, "client_assertion", clock(), refuse);
  const client = clientOf(token, registry.current, refuse);
  await useIssuerToken(token, purpose, { replays, refuse });
  return client;
}

/** The client that is registered for the workload, or else the one that the only matching rule derives. */
function clientOf({ issuer: { issuer }, subject, claims }: IssuerToken, clients: ClientSet, refuse: Refuse): Client {
  const { byFederatedIdentity, workloads } = clients;
  // A registered client wins over every rule, a disabled one too: disabling it must not hand its workload to a rule.
  const registered = byFederatedIdentity.get(`${issuer}\n${subject}`);
  const matched = registered === undefined ? workloads.match({ issuer, subject, claims }) : undefined;
  if (matched !== undefined && matched.rules.length > 1) {
    throw refuse(`several workload rules match: ${matched.rules.join(", ")}`, { failure: "identity_unknown" });
  }
  const client = registered ?? matched?.client;
  if (client?.disabled === false) return client;
  const who = `subject ${subject} of ${issuer}`;
  throw refuse(
    "no client and no workload rule has this federated identity, or it is disabled",
    client === undefined
      ? { failure: "identity_unknown", detail: `no client and no workload rule has ${who}` }
      : { failure: "client_disabled", client: client.id, detail: `the client of ${who} is disabled` },
  );
}

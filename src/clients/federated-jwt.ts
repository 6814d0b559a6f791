/**
 * Clients without a secret: a workload's token of a trusted issuer (a Kubernetes service account, a SPIFFE JWT-SVID,
 * any OpenID Connect workload identity) stands for the client. Such tokens are used many times by design, with a `jti`
 * or without (the kubelet renews one at 80% of its life), so that none is remembered.
 */
import type { Refuse } from "../jwt/compact-jws.js";
import type { IssuerTokenVerifier } from "../issuers/trusted-issuer.js";
import type { Client } from "./client.js";
import type { ClientRegistry } from "./client-registry.js";

/** Finds the client that a workload's token stands for. Throws `refuse(…)`, or `temporarily_unavailable`. */
export async function authenticateFederated(
  jwt: string,
  refuse: Refuse,
  dependencies: { readonly registry: ClientRegistry; readonly issuerTokens: IssuerTokenVerifier },
): Promise<Client> {
  const { issuer, subject, claims } = await dependencies.issuerTokens.verify(jwt, "client_assertion", refuse);
  const { byFederatedIdentity, workloads } = dependencies.registry.current;
  // A registered client wins over every rule, a disabled one too: disabling it must not hand its workload to a rule.
  const registered = byFederatedIdentity.get(`${issuer.issuer}\n${subject}`);
  const matched = registered === undefined ? workloads.match({ issuer: issuer.issuer, subject, claims }) : undefined;
  if (matched !== undefined && matched.rules.length > 1) {
    throw refuse(`several workload rules match: ${matched.rules.join(", ")}`);
  }
  const client = registered ?? matched?.client;
  if (client === undefined || client.disabled) {
    throw refuse("no client and no workload rule has this federated identity, or it is disabled");
  }
  return client;
}

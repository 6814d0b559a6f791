/** The settings that may change while the server runs. */
import { type ClientRegistry, type ClientSet, clientSet } from "../clients/client-registry.js";
import type { ReloadableConfig } from "../config/config.js";
import type { TrustedIssuer } from "../issuers/trusted-issuer.js";

/** Clients and trusted issuers as they are now: each request sees one state, whole. */
export class LiveSettings implements ClientRegistry {
  #clients: ClientSet;
  #trustedIssuers: readonly TrustedIssuer[];
  #scopes: readonly string[] | undefined;

  constructor({ clients, trustedIssuers }: Pick<ReloadableConfig, "clients" | "trustedIssuers">) {
    this.#clients = clientSet(clients);
    this.#trustedIssuers = trustedIssuers;
  }

  get current(): ClientSet {
    return this.#clients;
  }

  get trustedIssuers(): readonly TrustedIssuer[] {
    return this.#trustedIssuers;
  }

  /** Scope words that clients get by default, for the metadata. Gathered once: anyone may ask, as often as they like. */
  scopes(): readonly string[] {
    return (this.#scopes ??= [...new Set([...this.#clients.byId.values()].flatMap(({ scopes }) => scopes.default))]);
  }

  /** Takes over a new state and returns the clients as they were. */
  replace({ clients, trustedIssuers }: Pick<ReloadableConfig, "clients" | "trustedIssuers">): ClientSet {
    const before = this.#clients;
    this.#clients = clientSet(clients);
    this.#trustedIssuers = trustedIssuers;
    this.#scopes = undefined;
    return before;
  }
}

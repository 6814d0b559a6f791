/**
 * Owns the settings that may change at run time: clients and trusted issuers. A reload replaces both in one step. It
 * must not know where settings come from, nor what follows from a change.
 */
import { type ClientRegistry, type ClientSet, clientSet } from "../clients/client-registry.js";
import type { ReloadableConfig } from "../config/config.js";
import type { TrustedIssuer } from "../issuers/trusted-issuer.js";

export class LiveSettings implements ClientRegistry {
  #clients: ClientSet;
  #trustedIssuers: readonly TrustedIssuer[];
  #scopes: readonly string[] | undefined;
  #refusedFor: readonly string[] | undefined;
  #digest: string;

  constructor({
    clients,
    workloads,
    trustedIssuers,
    digest,
  }: Pick<ReloadableConfig, "clients" | "workloads" | "trustedIssuers" | "digest">) {
    this.#clients = clientSet(clients, workloads);
    this.#trustedIssuers = trustedIssuers;
    this.#digest = digest;
  }

  get current(): ClientSet {
    return this.#clients;
  }

  /** Names the settings of this moment. */
  get digest(): string {
    return this.#digest;
  }

  get trustedIssuers(): readonly TrustedIssuer[] {
    return this.#trustedIssuers;
  }

  /** The problems of changed settings that were refused; undefined while the settings are those of the files. */
  get refusedFor(): readonly string[] | undefined {
    return this.#refusedFor;
  }

  /** Changed settings were refused whole: the present ones stay. */
  refuse(problems: readonly string[]): void {
    this.#refusedFor = problems;
  }

  /** The settings of this moment. Later changes do not touch them. */
  snapshot(): { readonly clients: ClientSet; readonly trustedIssuers: readonly TrustedIssuer[] } {
    return { clients: this.#clients, trustedIssuers: this.#trustedIssuers };
  }

  /** The default scopes of all clients, for the metadata. Computed once, because anyone may ask often. */
  scopes(): readonly string[] {
    const { byId, workloads } = this.#clients;
    const records = [...byId.values(), ...workloads.rules.map(({ template }) => template)];
    return (this.#scopes ??= [...new Set(records.flatMap(({ scopes }) => scopes.default))]);
  }

  replace({
    clients,
    workloads,
    trustedIssuers,
    digest,
  }: Pick<ReloadableConfig, "clients" | "workloads" | "trustedIssuers" | "digest">): void {
    this.#clients = clientSet(clients, workloads);
    this.#trustedIssuers = trustedIssuers;
    this.#digest = digest;
    this.#scopes = undefined;
    this.#refusedFor = undefined;
  }
}

/** The conformance kit: what real clients send and need, as data in `conformance/`. Its format is in the README there. */
import { readFileSync, readdirSync } from "node:fs";

/** When a client suffers, the gravest last. */
export const WHENS = ["after an hour", "at once", "never again"] as const;
export type When = (typeof WHENS)[number];

/** What a client's user sees when an endpoint has a fault. */
export interface Expectation {
  readonly finding: string;
  readonly when: When;
  readonly sees: string;
  /** False if the client goes on all the same, or suffers only with special settings. */
  readonly fails?: boolean;
}

/** A recorded request, with names in braces where ids, secrets, scopes and tokens stood. */
export interface ClientRequest {
  readonly name: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** How a value is written into a body. */
export type Encoding = "raw" | "json" | { readonly space: string; readonly kept: string };

/** By what a client is known: every member must fit. */
export interface ClientMark {
  readonly header?: string;
  readonly value?: string;
  readonly contentType?: string;
  readonly body?: string;
}

/** One version of one client. */
export interface Client {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly date: string;
  /** The client whose code it shares: what one of them meets, the other meets. */
  readonly sameCodeAs?: string;
  readonly authentication: "form" | "basic" | "bearer" | "none";
  /** What it asks for when nobody sets a scope; null: it sends none. */
  readonly scope: string | null;
  readonly encoding: Encoding;
  readonly recognise: ClientMark;
  readonly behaviour: readonly string[];
  readonly requests: readonly ClientRequest[];
  readonly expects: readonly Expectation[];
}

/** A fault, and what mends it. Notes are of no concern to a client with default settings. */
export interface FindingText {
  readonly id: string;
  readonly level: "finding" | "note";
  readonly title: string;
  readonly mend: { readonly endpoint: string; readonly client: string };
}

/** A product that has settings for some of the faults. Any member of `recognise` suffices. */
export interface KnownServer {
  readonly id: string;
  readonly name: string;
  readonly recognise: {
    readonly path?: string;
    readonly header?: string;
    readonly body?: string;
    readonly issuer?: string;
  };
  readonly settings: Readonly<Record<string, string>>;
}

export interface Kit {
  readonly version: string;
  readonly clients: readonly Client[];
  readonly findings: readonly FindingText[];
  readonly servers: readonly KnownServer[];
}

const FOLDER = new URL("../../conformance/", import.meta.url);

/** Reads the kit that this release brings along. */
export function loadKit(): Kit {
  const names = readdirSync(new URL("clients/", FOLDER)).filter((name) => name.endsWith(".json"));
  const clients = names.toSorted().map((name) => read(`clients/${name}`));
  const kit: object = Object.assign({ clients }, read("kit.json"), read("findings.json"), read("servers.json"));
  // The files are part of the release, and a test checks their shape.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return kit as Kit;
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));
}

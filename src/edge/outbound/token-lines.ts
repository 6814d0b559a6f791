/** The tokens of an edge: those of the settings, and combinations that engines asked for. */
import type { IssuedToken } from "../../client/token-endpoint.js";
import type { TokenEntry } from "../settings/settings.js";
import { Bounded } from "./bounded.js";
import type { TokenLine } from "./token-line.js";

/** What an engine asks for. */
export interface AskedToken {
  readonly scope: readonly string[];
  readonly audience: readonly string[];
  readonly resource: readonly string[];
}

/** A line and how the metrics call it. */
export interface NamedLine {
  readonly name: string;
  readonly asked: AskedToken;
  readonly line: TokenLine;
}

export interface TokenLinesOptions {
  readonly entries: readonly TokenEntry[];
  readonly openEntry: (entry: TokenEntry) => TokenLine;
  readonly openCombination: (asked: AskedToken) => TokenLine;
}

const MAX_COMBINATIONS = 100;

export class TokenLines {
  readonly entries: readonly NamedLine[];
  readonly #openCombination: TokenLinesOptions["openCombination"];
  /** By what was asked for. */
  readonly #combinations = new Bounded<string, NamedLine>(MAX_COMBINATIONS, ({ line }) => void line.close());

  constructor({ entries, openEntry, openCombination }: TokenLinesOptions) {
    this.#openCombination = openCombination;
    this.entries = entries.map((entry) => ({
      name: entry.name,
      asked: { scope: wordsOf(entry.scope), audience: entry.audience, resource: entry.resource },
      line: openEntry(entry),
    }));
  }

  /** A token for what was asked. Asking for nothing means the first entry. Rejects with a `TokenError`. */
  async get(asked: AskedToken): Promise<{ readonly name: string; readonly token: IssuedToken }> {
    const entry = this.#entryFor(asked);
    if (entry !== undefined) return { name: entry.name, token: await entry.line.get() };
    const { name, line } = this.#combination(asked);
    try {
      return { name, token: await line.get() };
    } catch (error) {
      // What never worked must not push out what does.
      if (line.live === undefined) this.#forget(keyOf(asked), line);
      throw error;
    }
  }

  /** The line that gave out a token, expired or not. */
  giverOf(accessToken: string): NamedLine | undefined {
    return this.#all().find(({ line }) => line.hasGiven(accessToken));
  }

  get combinations(): number {
    return this.#combinations.size;
  }

  dropRevoked(): void {
    for (const { line } of this.#all()) line.dropRevoked();
  }

  async close(): Promise<void> {
    await Promise.all(this.#all().map(({ line }) => line.close()));
  }

  #all(): readonly NamedLine[] {
    return [...this.entries, ...Array.from(this.#combinations, ([, line]) => line)];
  }

  #entryFor(asked: AskedToken): NamedLine | undefined {
    const { scope, audience, resource } = asked;
    if (scope.length + audience.length + resource.length === 0 && this.entries.length > 0) return this.entries[0];
    const key = keyOf(asked);
    return this.entries.find((entry) => keyOf(entry.asked) === key);
  }

  #combination(asked: AskedToken): NamedLine {
    const key = keyOf(asked);
    const known = this.#combinations.get(key);
    if (known !== undefined) return known;
    const opened = { name: "other", asked, line: this.#openCombination(asked) };
    this.#combinations.set(key, opened);
    return opened;
  }

  #forget(key: string, line: TokenLine): void {
    if (this.#combinations.get(key)?.line !== line) return;
    this.#combinations.delete(key);
    void line.close();
  }
}

export function wordsOf(scope: string | null | undefined): readonly string[] {
  return (scope ?? "").split(" ").filter((word) => word !== "");
}

/** Scopes, audiences and resources are sets. */
export function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(setOf(one)) === JSON.stringify(setOf(other));
}

function keyOf({ scope, audience, resource }: AskedToken): string {
  return JSON.stringify([setOf(scope), setOf(audience), setOf(resource)]);
}

function setOf(words: readonly string[]): readonly string[] {
  return [...new Set(words)].toSorted();
}

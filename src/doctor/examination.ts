/** One run against one endpoint: asks as a named client does, and notes what is wrong with every answer by itself. */
import type { Credential } from "./credential.js";
import type { Answer, Exchange, Outcome } from "./exchange.js";
import { type Values, type WireRequest, fillRequest } from "./fill-request.js";
import { judgeRefusal } from "./judge-refusal.js";
import { judgeToken } from "./judge-token.js";
import type { Client, Kit } from "./kit.js";
import { hasToken, readObject, spellRefusal } from "./oauth-answer.js";
import { Sightings } from "./sightings.js";

/** What a run is given. */
export interface ExaminationOptions {
  readonly kit: Kit;
  readonly url: URL;
  readonly credential: Credential;
  /** What clients are configured to ask for; absent: what each asks for by itself. */
  readonly scope?: string | undefined;
  readonly exchange: Exchange;
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** The longest wait for a token's end. */
  readonly waitMs: number;
}

/** Two seconds: with them one Java session delays the next beyond its end. */
const SLOW_MS = 2000;
const MOST_FAILURES_IN_A_ROW = 3;

export class Examination {
  readonly options: ExaminationOptions;
  readonly seen = new Sightings();
  /** What could not be tried, and why. */
  readonly untried: string[] = [];
  readonly answers: Answer[] = [];
  /** The last refresh token that an answer had. */
  refreshToken: string | undefined;
  #failuresInARow = 0;

  constructor(options: ExaminationOptions) {
    this.options = options;
  }

  client(id: string): Client {
    const client = this.options.kit.clients.find((one) => one.id === id);
    if (client === undefined) throw new Error(`conformance/clients has no ${id}`);
    return client;
  }

  /** What the client asks for here. */
  scopeOf(client: Client): string | undefined {
    return this.options.scope ?? client.scope ?? undefined;
  }

  /** Sends one of the client's requests. Judges the answer unless it was meant to be refused in its own way. */
  async ask(id: string, name: string, values: Values = {}): Promise<Outcome> {
    const client = this.client(id);
    const { credential } = this.options;
    const all: Values = { id: credential.id, secret: credential.secret, scope: this.scopeOf(client), ...values };
    const outcome = await this.send(fillRequest(client, name, all), [id]);
    if (outcome.kind === "answer") this.#judge(outcome, all["token"] !== undefined, id);
    return outcome;
  }

  /** Sends anything, and notes only what concerns the connection. */
  async send(wire: WireRequest, clients: readonly string[]): Promise<Outcome> {
    if (this.#failuresInARow >= MOST_FAILURES_IN_A_ROW) {
      return { kind: "failure", cause: "unreachable", text: "the endpoint no longer answers" };
    }
    const outcome = await this.options.exchange.send(this.options.url, wire);
    if (outcome.kind === "failure") {
      this.#failuresInARow++;
      if (outcome.cause === "certificate") this.seen.add("TLS_NOT_TRUSTED", outcome.text);
      else if (outcome.cause === "timeout") this.seen.add("TIMED_OUT", outcome.text, clients);
      else this.seen.add("CONNECTION_DROPPED", outcome.text, clients);
      return outcome;
    }
    this.#failuresInARow = 0;
    this.answers.push(outcome);
    const { status, headers } = outcome;
    if (status >= 300 && status < 400) {
      this.seen.add("REDIRECTED", `${status} to ${headers["location"] ?? "nowhere"}`);
    }
    if (headers["connection"]?.toLowerCase() === "close") this.seen.add("KEEP_ALIVE_OFF", "Connection: close");
    return outcome;
  }

  /** Adds what only all answers together show. */
  finish(): void {
    const times = this.answers.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    if (median >= SLOW_MS) this.seen.add("SLOW", `${(median / 1000).toFixed(1)} s in the middle`);
  }

  #judge(answer: Answer, isExchange: boolean, id: string): void {
    if (answer.status >= 200 && answer.status < 300) {
      judgeToken(answer, isExchange, this.options.clock(), this.seen);
      const refreshToken = readObject(answer.body)?.["refresh_token"];
      if (typeof refreshToken === "string" && refreshToken !== "") this.refreshToken = refreshToken;
      return;
    }
    if (answer.status >= 500 && ![501, 503].includes(answer.status)) {
      this.seen.add("SERVER_ERROR", spellRefusal(answer), [id]);
    }
    judgeRefusal(answer, this.seen);
  }
}

/** Whether the endpoint understood the request and said no: server errors and limits are faults of their own. */
export function isRefused(outcome: Outcome): outcome is Answer {
  return outcome.kind === "answer" && !hasToken(outcome) && outcome.status < 500 && outcome.status !== 429;
}

/** Whether there is a token. */
export function isGranted(outcome: Outcome | undefined): outcome is Answer {
  return outcome?.kind === "answer" && hasToken(outcome);
}

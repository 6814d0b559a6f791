/** One run against one endpoint: asks as a named client does, and notes what is wrong with every answer by itself. */
import type { Credential } from "./credential.js";
import type { Answer, Exchange, Failure, Outcome } from "./exchange.js";
import { type Values, type WireRequest, fillRequest } from "./fill-request.js";
import { judgeRefusal } from "./judge-refusal.js";
import { judgeToken } from "./judge-token.js";
import type { Client, Kit } from "./kit.js";
import { hasToken, readObject, spellRefusal } from "./oauth-answer.js";
import { Sightings } from "./sightings.js";

export interface ExaminationOptions {
  readonly kit: Kit;
  readonly url: URL;
  readonly credential: Credential;
  /** The scope that clients are configured to ask for. Absent: what each asks for by itself. */
  readonly scope?: string | undefined;
  readonly exchange: Exchange;
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** The longest wait for a token's end. */
  readonly waitMs: number;
}

/** With answers of two seconds one Java session delays the next beyond its end. One slow answer may be an accident. */
const SLOW_MS = 2000;
const SLOW_ANSWERS = 2;
/** Time-outs in a row until the endpoint is given up, and connections dropped in a row, which cost no time. */
const MOST_TIMEOUTS = 3;
const MOST_DROPS = 8;

export class Examination {
  readonly options: ExaminationOptions;
  readonly seen = new Sightings();
  /** What could not be tried, and why. */
  readonly untried: string[] = [];
  readonly answers: Answer[] = [];
  /** The last refresh token that an answer had. */
  refreshToken: string | undefined;
  #timeouts = 0;
  #drops = 0;

  constructor(options: ExaminationOptions) {
    this.options = options;
  }

  /** Whether nothing more is sent. */
  get isGivenUp(): boolean {
    return this.#timeouts >= MOST_TIMEOUTS || this.#drops >= MOST_DROPS;
  }

  client(id: string): Client {
    const client = this.options.kit.clients.find((one) => one.id === id);
    if (client === undefined) throw new Error(`conformance/clients has no ${id}`);
    return client;
  }

  /** All clients that share its code. */
  kinOf(id: string): readonly string[] {
    const root = this.client(id).sameCodeAs ?? id;
    return this.options.kit.clients.filter((one) => (one.sameCodeAs ?? one.id) === root).map((one) => one.id);
  }

  /** What the client asks for here. */
  scopeOf(client: Client): string | undefined {
    const start = client.requests.find(({ name }) => name === "start");
    // Polaris' CLI asks for one scope, whatever is configured.
    const isFixed = start !== undefined && !start.body.includes("{scope}");
    return (isFixed ? undefined : this.options.scope) ?? client.scope ?? undefined;
  }

  /** Sends one of the client's requests, and judges the answer as that client reads it. */
  async ask(id: string, name: string, values: Values = {}): Promise<Outcome> {
    const client = this.client(id);
    const { credential } = this.options;
    const all: Values = { id: credential.id, secret: credential.secret, scope: this.scopeOf(client), ...values };
    const outcome = await this.send(fillRequest(client, name, all), this.kinOf(id));
    // With an empty scope nobody begins by default: only whether it is granted counts.
    if (outcome.kind === "answer" && name !== "empty-scope") this.#judge(outcome, all["token"] !== undefined, id);
    return outcome;
  }

  /** Sends anything, and notes only what concerns the connection. */
  async send(wire: WireRequest, clients: readonly string[]): Promise<Outcome> {
    if (this.isGivenUp) {
      return { kind: "failure", cause: "unreachable", text: "the endpoint no longer answers" };
    }
    const outcome = await this.options.exchange.send(this.options.url, wire);
    if (outcome.kind === "failure") {
      this.#noteFailure(outcome, clients);
      return outcome;
    }
    this.#timeouts = 0;
    this.#drops = 0;
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
    const slow = this.answers.map(({ tookMs }) => tookMs).filter((tookMs) => tookMs >= SLOW_MS);
    if (slow.length < SLOW_ANSWERS) return;
    const most = (Math.max(...slow) / 1000).toFixed(1);
    this.seen.add("SLOW", `${slow.length} of ${this.answers.length} answers, up to ${most} s`);
  }

  #noteFailure({ cause, text }: Failure, clients: readonly string[]): void {
    if (cause === "timeout") this.#timeouts++;
    else this.#drops++;
    // Where nothing has ever answered, there is nothing to say about it.
    if (this.answers.length === 0 && cause !== "certificate") return;
    const id = { certificate: "TLS_NOT_TRUSTED", timeout: "TIMED_OUT" }[cause as string] ?? "CONNECTION_DROPPED";
    this.seen.add(id, text, id === "TLS_NOT_TRUSTED" ? undefined : clients);
  }

  #judge(answer: Answer, isExchange: boolean, id: string): void {
    if (answer.status >= 200 && answer.status < 300) {
      const kin = this.kinOf(id);
      const seen = { add: (finding: string, evidence: string) => this.seen.add(finding, evidence, kin) };
      judgeToken(answer, isExchange, this.options.clock(), seen);
      const refreshToken = readObject(answer.body)?.["refresh_token"];
      if (typeof refreshToken === "string" && refreshToken !== "") this.refreshToken = refreshToken;
      return;
    }
    const { status } = answer;
    if (status >= 500 && status !== 501) this.seen.add("SERVER_ERROR", spellRefusal(answer), this.kinOf(id));
    if (status === 429) this.seen.add("BURST_REFUSED", spellRefusal(answer));
    // Who takes no JSON may say so in any way.
    if (this.client(id).encoding !== "json") judgeRefusal(answer, this.seen);
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

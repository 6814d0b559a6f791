/** Posts forms over one kept connection, as the HTTP clients of Iceberg's libraries do, and writes down what happened. */
import { Agent, request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import type { Call, History } from "./history.js";
import { CLIENT } from "./settings.js";

/** Longer than any outage that clients live through. */
const TIMEOUT_MS = 10_000;

/** An answer, or how none came. */
export interface Answer {
  /** As in the history. */
  readonly outcome: string;
  /** What a JSON answer holds; empty otherwise. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;
  readonly tookMs: number;
}

export interface Post {
  readonly what: Call["what"];
  readonly path?: string;
  readonly form: Readonly<Record<string, string>>;
  /** A Bearer token; absent: the client's own credentials, as Basic unless the form holds them. */
  readonly bearer?: string;
  /** What the history should say besides. */
  readonly about?: Partial<Call>;
  /** The same, from the answer. */
  readonly learn?: (answer: Answer) => Partial<Call>;
}

/** One client's connection. Disposing closes it. */
export class FormCaller implements Disposable {
  readonly who: string;
  readonly #url: string;
  readonly #history: History;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(who: string, url: string, history: History) {
    this.who = who;
    this.#url = url;
    this.#history = history;
  }

  async post(post: Post): Promise<Answer> {
    const calledAt = performance.now();
    const received = await this.#send(post);
    const answeredAt = performance.now();
    const answer = { ...received, tookMs: answeredAt - calledAt };
    this.#history.add({
      who: this.who,
      what: post.what,
      calledAt,
      answeredAt,
      outcome: answer.outcome,
      ...post.about,
      ...post.learn?.(answer),
    });
    return answer;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #send({ path = "/v1/oauth/tokens", form, bearer }: Post): Promise<Omit<Answer, "tookMs">> {
    try {
      const sent = request(`${this.#url}${path}`, {
        method: "POST",
        agent: this.#agent,
        headers: { "content-type": "application/x-www-form-urlencoded", ...authorization(form, bearer) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      sent.end(new URLSearchParams(form).toString());
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      const content = await text(response);
      return {
        outcome: response.statusCode === 200 ? "ok" : String(response.statusCode),
        body: isJson(response) && content !== "" ? (JSON.parse(content) as Record<string, unknown>) : {},
        retryAfterMs: Number(response.headers["retry-after"]) * 1000 || undefined,
      };
    } catch (error) {
      return { outcome: failureOf(error), body: {}, retryAfterMs: undefined };
    }
  }
}

function authorization(form: Post["form"], bearer: string | undefined): { readonly authorization?: string } {
  if (form["client_secret"] !== undefined) return {};
  const basic = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString("base64")}`;
  return { authorization: bearer === undefined ? basic : `Bearer ${bearer}` };
}

function isJson({ headers }: IncomingMessage): boolean {
  return headers["content-type"]?.startsWith("application/json") ?? false;
}

function failureOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ECONNREFUSED") return "unreachable";
  if (code === "ABORT_ERR" || (error instanceof Error && error.name === "TimeoutError")) return "timeout";
  if (code === "ECONNRESET" || code === "EPIPE") return "reset";
  return String(code ?? error);
}

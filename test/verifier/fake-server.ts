/** A token server of the test's own: its keys, its tokens, and a stream of revocations that says what it is told to. */
import { generateKeyPairSync } from "node:crypto";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport, createRouterTransport } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import {
  TokenService,
  WatchRevocationsResponseSchema,
  type RevocationSchema,
  type WatchRevocationsRequest,
  type WatchRevocationsResponse,
} from "../../src/gen/icemint/v1/token_service_pb.js";
import { publicJwk } from "../../src/keys/jwks.js";
import type { PublicJwk } from "../../src/keys/signer.js";
import { signatureOf } from "../tokens/signing-key.js";

export const ISSUER = "https://tokens.example.com";
export const AUDIENCE = "https://catalog.example.com";

export interface FakeKey {
  readonly jwk: PublicJwk;
  /** A token; members that are undefined are left out. */
  token(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string;
}

/** Makes a key. Tokens begin at `clock`, live for an hour and belong to alice, through the client spark. */
export function fakeKey(clock: () => number): FakeKey {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = publicJwk(privateKey, "ES256");
  let count = 0;
  return {
    jwk,
    token(claims = {}, header = {}) {
      const now = Math.floor(clock() / 1000);
      const times = { iat: now, exp: now + 3600, auth_time: now, session_exp: now + 86_400 };
      const who = { sub: "alice", client_id: "spark", scope: "catalog", sid: `session-${count}`, jti: `jti-${count}` };
      count += 1;
      const parts = [
        { alg: "ES256", typ: "at+jwt", kid: jwk.kid, ...header },
        { iss: ISSUER, aud: AUDIENCE, ...who, ...times, ...claims },
      ];
      const input = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
      return `${input}.${signatureOf("ES256", input, privateKey).toString("base64url")}`;
    },
  };
}

type Init<Desc extends DescMessage, Member extends keyof MessageInitShape<Desc>> = NonNullable<
  MessageInitShape<Desc>[Member]
>;
type Event = Init<typeof WatchRevocationsResponseSchema, "event">;

/** One stream that a verifier has opened. */
class FakeStream {
  readonly request: WatchRevocationsRequest;
  #queue: (WatchRevocationsResponse | ConnectError)[] = [];
  #wake: (() => void) | undefined;
  isOpen = true;

  constructor(request: WatchRevocationsRequest) {
    this.request = request;
  }

  send(event: Event, cursor = ""): void {
    this.#push(create(WatchRevocationsResponseSchema, { event, cursor }));
  }

  caughtUp(cursor = "e.1-0"): void {
    this.send({ case: "caughtUp", value: {} }, cursor);
  }

  heartbeat(viewAgeMs: number | undefined, cursor = "e.1-0"): void {
    const value = viewAgeMs === undefined ? {} : { viewAge: durationFromMs(viewAgeMs) };
    this.send({ case: "heartbeat", value }, cursor);
  }

  revoke(target: Init<typeof RevocationSchema, "target">, notBefore?: number, cursor = "e.2-0"): void {
    const times = { expireTime: timestampFromMs(Date.UTC(2030, 0, 1)) };
    const stamp = notBefore === undefined ? {} : { notBeforeTime: timestampFromMs(notBefore) };
    this.send({ case: "revocation", value: { target, ...times, ...stamp } }, cursor);
  }

  end(code: Code, retryAfterSeconds?: number): void {
    const error = new ConnectError("the stream ends", code);
    if (retryAfterSeconds !== undefined) {
      const value = { retryDelay: durationFromMs(retryAfterSeconds * 1000) };
      error.details.push({ desc: RetryInfoSchema, value });
    }
    this.#push(error);
  }

  async *read(signal: AbortSignal): AsyncGenerator<WatchRevocationsResponse> {
    signal.addEventListener("abort", () => this.#wake?.());
    try {
      while (!signal.aborted) {
        const next = this.#queue.shift();
        if (next instanceof ConnectError) throw next;
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.isOpen = false;
    }
  }

  #push(next: WatchRevocationsResponse | ConnectError): void {
    this.#queue.push(next);
    this.#wake?.();
  }
}

export class FakeServer {
  keys: PublicJwk[] = [];
  keyRequests = 0;
  /** Set: every call fails with it. */
  failing: Code | undefined;
  readonly streams: FakeStream[] = [];

  readonly transport: Transport = createRouterTransport(({ service }) => {
    service(TokenService, {
      getKeys: () => {
        this.keyRequests += 1;
        if (this.failing !== undefined) throw new ConnectError("away", this.failing);
        return { keys: this.keys.map((key) => ({ ...key })), maxAge: durationFromMs(600_000) };
      },
      watchRevocations: (request, { signal }) => {
        if (this.failing !== undefined) throw new ConnectError("away", this.failing);
        const stream = new FakeStream(request);
        this.streams.push(stream);
        return stream.read(signal);
      },
    });
  });

  /** The stream that was opened last. */
  get stream(): FakeStream {
    const last = this.streams.at(-1);
    if (last === undefined) throw new Error("no stream was opened");
    return last;
  }
}

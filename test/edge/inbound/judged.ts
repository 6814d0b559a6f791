/** A judge whose verifier has loaded a fake server's keys and revocations, or has not. */
import { Code } from "@connectrpc/connect";
import { onTestFinished } from "vitest";
import { createJudge, type Judge } from "../../../src/edge/inbound/judge.js";
import type { Rule } from "../../../src/edge/inbound/rules.js";
import { createVerifier } from "../../../src/verifier/verifier.js";
import { eventually } from "../../support/eventually.js";
import { AUDIENCE, FakeServer, ISSUER, type FakeKey, fakeKey } from "../../verifier/fake-server.js";

export interface Judged {
  readonly judge: Judge;
  readonly key: FakeKey;
  readonly server: FakeServer;
  readonly faults: readonly unknown[];
}

/** The judge of one test. */
export async function judged(rules: readonly Rule[] = [], ready = true): Promise<Judged> {
  const server = new FakeServer();
  const key = fakeKey(Date.now);
  server.keys = [key.jwk];
  if (!ready) server.failing = Code.Unavailable;
  const verifier = createVerifier(
    { server: ISSUER, audience: AUDIENCE, clientId: "catalog", clientSecret: "a-secret" },
    { transport: server.transport },
  );
  onTestFinished(() => verifier.close());
  if (ready) {
    await eventually("a stream is opened", () => server.streams.length === 1);
    server.stream.caughtUp();
    await verifier.ready();
  }
  const faults: unknown[] = [];
  return { judge: createJudge({ verifier, rules, onFault: (error) => faults.push(error) }), key, server, faults };
}

/** A verifier that has loaded a fake server's keys and revocations, or has not. */
import { Code } from "@connectrpc/connect";
import { createVerifier, type Verifier, type VerifierOptions } from "../../../src/verifier/verifier.js";
import { eventually } from "../../support/eventually.js";
import { AUDIENCE, FakeServer, ISSUER, type FakeKey, fakeKey } from "../../verifier/fake-server.js";

export interface LoadedVerifier {
  readonly verifier: Verifier;
  readonly key: FakeKey;
  readonly server: FakeServer;
}

/** `ready: false`: its server is away from the start. The caller closes the verifier. */
export async function loadedVerifier(ready = true, options: Partial<VerifierOptions> = {}): Promise<LoadedVerifier> {
  const server = new FakeServer();
  const key = fakeKey(Date.now);
  server.keys = [key.jwk];
  if (!ready) server.failing = Code.Unavailable;
  const verifier = createVerifier(
    { server: ISSUER, audience: AUDIENCE, clientId: "catalog", clientSecret: "a-secret", ...options },
    { transport: server.transport },
  );
  if (ready) {
    await eventually("a stream is opened", () => server.streams.length === 1);
    server.stream.caughtUp();
    await verifier.ready();
  }
  return { verifier, key, server };
}

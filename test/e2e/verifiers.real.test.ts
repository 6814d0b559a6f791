/** What verifies our tokens, set up as it comes, through a rotation of our keys and a revocation. Real time passes: all at once. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pythonEnvironment } from "../support/python-env.js";
import { goEngine, jsonwebtokenEngine } from "./engines.js";
import { type Question, verifyThroughChanges } from "./key-changes.js";
import { LineProgram } from "./line-program.js";
import { envoy, startJwtProxy } from "./support/jwt-proxy.js";

const python = await pythonEnvironment();
const go = await goEngine();
const rust = await jsonwebtokenEngine();
const because = (found: object): string => ("missing" in found ? String(found.missing) : "");

describe.concurrent(
  "through a rotation of keys and a revocation, our tokens are verified by",
  { timeout: 240_000 },
  () => {
    test.skipIf("missing" in python)(
      `PyJWT 2.15, which asks at most every 30 s for an unknown key${because(python)}`,
      async () => {
        if ("missing" in python) return;
        await using program = new LineProgram(python.python, [join(import.meta.dirname, "python", "clients.py")]);
        await verifyThroughChanges((question) => program.resultOf({ do: "pyjwt", ...question }), 60_000);
      },
    );

    test.skipIf("missing" in go)(`go-oidc 3, by discovery alone, which asks at once${because(go)}`, async () => {
      if ("missing" in go) return;
      await using program = new LineProgram(go.command, go.args);
      await verifyThroughChanges((question) => program.resultOf({ do: "discover", ...question }), 10_000);
    });

    test.skipIf("missing" in rust)(
      `jsonwebtoken 10 (Rust), with keys that its caller fetches for an unknown one${because(rust)}`,
      async () => {
        if ("missing" in rust) return;
        await using program = new LineProgram(rust.command, rust.args);
        let jwks: unknown;
        const verify = async ({ jwks_uri, ...question }: Question): Promise<unknown> => {
          if (jwks !== undefined) {
            const answer = await program.ask({ jwks, ...question });
            if (!("error" in answer)) return answer;
            expect(answer.error).toBe("unknown key");
          }
          jwks = await (await fetch(jwks_uri)).json();
          return program.resultOf({ jwks, ...question });
        };
        await verifyThroughChanges(verify, 10_000);
      },
    );

    test.skipIf(envoy.missing)(
      `Envoy's jwt_authn, whose cache_duration says how soon it hears of a revocation${envoy.reason}`,
      async () => {
        let proxy: Awaited<ReturnType<typeof startJwtProxy>> | undefined;
        try {
          await verifyThroughChanges(async ({ issuer, audience, token }) => {
            proxy ??= await startJwtProxy({ issuer, audience, cacheSeconds: 5 });
            const { status } = await fetch(proxy.url, { headers: { authorization: `Bearer ${token}` } });
            if (status !== 200) throw new Error(`status ${status}`);
          }, 30_000);
        } finally {
          await proxy?.[Symbol.asyncDispose]();
        }
      },
    );
  },
);

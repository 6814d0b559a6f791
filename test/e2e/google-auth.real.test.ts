/** google-auth for Python, unmodified, against the built server: external_account files, and its STS client. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { claimsOf } from "../support/core.js";
import { pythonEnvironment } from "../support/python-env.js";
import { LineProgram } from "./line-program.js";
import { CATALOG, type WorkloadWorld, startWorkloadWorld } from "./workload-world.js";

const JWT = "urn:ietf:params:oauth:token-type:jwt";

const environment = await pythonEnvironment();

describe.skipIf("missing" in environment)(
  `google-auth 2.63.0${"missing" in environment ? environment.missing : ""}`,
  () => {
    let world: WorkloadWorld;
    let python: LineProgram;

    beforeAll(async () => {
      world = await startWorkloadWorld();
      const interpreter = "python" in environment ? environment.python : "";
      python = new LineProgram(interpreter, [join(import.meta.dirname, "python", "clients.py")]);
    });
    afterAll(async () => {
      await python[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    });

    const account = (more: object = {}) => ({
      type: "external_account",
      audience: CATALOG,
      subject_token_type: JWT,
      token_url: world.tokenUrl,
      client_id: "broker",
      client_secret: world.secret,
      credential_source: { file: world.file("user", `${world.user()}\n`) },
      ...more,
    });

    test("an external_account gets a token for its user, by Basic and the file's text with its final newline", async () => {
      const token = await python.resultOf({ do: "google_account", info: account() });
      expect(claimsOf(String(token))).toMatchObject({ sub: "idp:ada", aud: CATALOG, act: { sub: "broker" } });
    });

    test("an external_account shows our words when it may not have what it asks for", async () => {
      const info = account({ audience: "https://other.example.com" });
      expect(await python.errorOf({ do: "google_account", info })).toMatch(/invalid_target/);
    });

    test("the STS client acts for a user by a pod's token, and by no other credentials", async () => {
      const answer = await python.resultOf({
        do: "google_sts",
        url: world.tokenUrl,
        subject_token: world.user(),
        subject_token_type: JWT,
        actor_token: world.projected(),
        actor_token_type: JWT,
        scopes: ["catalog"],
      });
      expect(answer).toMatchObject({ token_type: "bearer", expires_in: expect.any(Number) });
      const { access_token: token } = answer as { access_token: string };
      expect(claimsOf(token)).toMatchObject({ sub: "idp:ada", act: { sub: "shop/orders" }, scope: "catalog" });
    });

    test("the STS client acts for a user by its own credentials", async () => {
      const asked = { subject_token: world.user(), subject_token_type: JWT, secret: world.secret };
      const answer = await python.resultOf({ do: "google_sts", url: world.tokenUrl, ...asked });
      const { access_token: token } = answer as { access_token: string };
      expect(claimsOf(token)).toMatchObject({ sub: "idp:ada", act: { sub: "broker" } });
    });
  },
);

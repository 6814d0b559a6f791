/** A server with the clients, users and tokens that the captured requests speak of. */
import { createHash, randomBytes, scryptSync } from "node:crypto";
import { generateSecret } from "../../src/config/clients/secret.js";
import { eventually } from "../support/eventually.js";
import { ServerProcess } from "../support/server-process.js";
import { createAssertionKey } from "./assertion-key.js";
import { postForm } from "./http-exchange.js";
import { createIdentityProvider, unsecuredJwt } from "./identity-provider.js";

const URN = "urn:ietf:params:oauth";

/** The secrets that a person chose, with every character that an encoding may stumble over. */
const CHOSEN_SECRETS = [`s3cr:et+/ %&é=~*'()"é€`, "s3cr:et+/ &%é~"];

const AUDIENCES = ["https://cat.example/", "https://cat.example/a", "https://aud.example", "https://r.example/x"];
const DEFAULT_AUDIENCES = ["aud1", "aud2", "https://r1.example/", "https://r2.example/"];

/** A value for every name in braces. */
export type CapturedValues = Readonly<Record<ValueName, string>>;

type ValueName =
  | "id"
  | "secret"
  | "user_id"
  | "user_secret"
  | "token"
  | "expired_token"
  | "stale_token"
  | "user_session_token"
  | "expired_user_session_token"
  | "refresh_token"
  | "user_jwt"
  | "user_access_token"
  | "id_token"
  | "expired_user_jwt"
  | "unsecured_jwt"
  | "saml2"
  | "assertion";

/** The server, and a value for every name in the captures. */
export interface CapturedWorld {
  readonly server: ServerProcess;
  /** Fresh values: tokens that were used may not serve twice. */
  values(): Promise<CapturedValues>;
}

/** Starts it. The client's first tokens live for one second, to have expired ones. The later ones live for an hour. */
export async function startCapturedWorld(): Promise<CapturedWorld> {
  const provider = await createIdentityProvider();
  const assertionKey = await createAssertionKey("svc-id");
  const secret = generateSecret(randomBytes);
  const userSecret = generateSecret(randomBytes);
  const settings = (accessTtl: string): object => ({
    http: { token_paths: ["/api/catalog/v1/oauth/tokens", "/idp/token"] },
    trusted_issuers: [provider.settings],
    clients: [
      {
        id: "svc-id",
        secrets: [{ sha256: sha256(secret) }, ...CHOSEN_SECRETS.map((chosen) => ({ scrypt: scrypt(chosen) }))],
        jwks: assertionKey.jwks,
        grants: ["client_credentials", "token_exchange", "refresh_token"],
        scopes: { allowed: ["catalog", "PRINCIPAL_ROLE:ALL", "openid"], default: ["catalog"] },
        audiences: { allowed: [...AUDIENCES, ...DEFAULT_AUDIENCES], default: DEFAULT_AUDIENCES },
        unsecured_subjects: { allow: ["alice"] },
        access_ttl: accessTtl,
      },
      { id: "user-id", secrets: [{ sha256: sha256(userSecret) }] },
      { id: "other-id", secrets: [{ sha256: sha256(generateSecret(randomBytes)) }] },
    ],
  });

  const server = await ServerProcess.start({ settings: settings("1s"), files: { "idp.jwks.json": provider.jwks } });
  const credentials = { client_id: "svc-id", client_secret: secret };
  const get = async (form: Readonly<Record<string, string>>): Promise<Record<string, string>> => {
    const { status, body } = await postForm(server.url, { ...credentials, ...form });
    if (status !== 200) throw new Error(`no token: ${body}`);
    return JSON.parse(body) as Record<string, string>;
  };
  const userSession = async (): Promise<Record<string, string>> =>
    await get({
      grant_type: `${URN}:grant-type:token-exchange`,
      subject_token: await provider.token("alice", { email: "alice@example.com" }),
      subject_token_type: `${URN}:token-type:jwt`,
    });
  const only = (set: Record<string, string>, name: string): string => set[name] ?? "";

  const expired = {
    expired_token: only(await get({ grant_type: "client_credentials" }), "access_token"),
    expired_user_session_token: only(await userSession(), "access_token"),
  };
  const madeAt = Date.now();
  server.writeSettings(settings("1h"));
  server.signal("SIGHUP");
  await eventually("the settings are reloaded", () => server.stderr.includes("settings reloaded"));
  await eventually("the first tokens are expired", () => Date.now() > madeAt + 2100);

  return {
    server,
    async values() {
      const session = await userSession();
      const now = Math.floor(Date.now() / 1000);
      return {
        ...expired,
        id: "svc-id",
        secret,
        user_id: "user-id",
        user_secret: userSecret,
        token: only(await get({ grant_type: "client_credentials" }), "access_token"),
        stale_token: "preset.access.token",
        user_session_token: only(session, "access_token"),
        refresh_token: only(session, "refresh_token"),
        user_jwt: await provider.token("alice"),
        user_access_token: await provider.token("alice", { scope: "catalog" }),
        id_token: await provider.token("alice", { email: "alice@example.com" }),
        expired_user_jwt: await provider.token("alice", { iat: now - 600, exp: now - 300 }),
        unsecured_jwt: unsecuredJwt({ sub: "alice", iat: now, exp: now + 600 }),
        saml2: "PHNhbWw+",
        assertion: await assertionKey.assertion(`${server.url}/v1/oauth/tokens`),
      };
    },
  };
}

function sha256(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** As light as the settings allow. */
function scrypt(secret: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(secret, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  const text = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  return `$scrypt$ln=14,r=8,p=1$${text(salt)}$${text(hash)}`;
}

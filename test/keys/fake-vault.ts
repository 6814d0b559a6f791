/** A small Vault: the documented API of its transit engine, as far as signing needs it, on a real HTTP server. */
import { constants, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";

type KeyType = "ecdsa-p256" | "ecdsa-p384" | "ed25519" | "rsa-2048" | "aes256-gcm96";

const MAKE: Readonly<Record<Exclude<KeyType, "aes256-gcm96">, () => KeyObject>> = {
  "ecdsa-p256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  "ecdsa-p384": () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
  ed25519: () => generateKeyPairSync("ed25519").privateKey,
  "rsa-2048": () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
};

interface SignRequest {
  readonly input: string;
  readonly key_version: number;
  readonly hash_algorithm?: string;
  readonly signature_algorithm?: string;
  readonly marshaling_algorithm?: string;
}

/** Starts one that holds the transit key `tokens` and takes the token `vault-token`. */
export async function startFakeVault(type: KeyType, now: () => number) {
  const versions: { readonly key: KeyObject | undefined; readonly createdAt: number }[] = [];
  const rotate = (): void => {
    versions.push({ key: type === "aes256-gcm96" ? undefined : MAKE[type](), createdAt: now() });
  };
  rotate();
  const behaviour = { status: 200, hang: false, token: "vault-token" };

  function answer(request: IncomingMessage, body: string): unknown {
    if (request.headers["x-vault-token"] !== behaviour.token) return undefined;
    if (request.method === "GET" && request.url === "/v1/transit/keys/tokens") {
      return {
        type,
        keys: Object.fromEntries(versions.map((version, index) => [index + 1, described(type, version)])),
      };
    }
    if (request.method === "POST" && request.url === "/v1/transit/sign/tokens") {
      const asked: SignRequest = JSON.parse(body);
      const key = versions[asked.key_version - 1]?.key;
      return key && { signature: `vault:v${asked.key_version}:${signature(key, asked)}` };
    }
    return undefined;
  }

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (behaviour.hang) return;
      const data = answer(request, Buffer.concat(parts).toString());
      response.statusCode = data === undefined ? 403 : behaviour.status;
      response.end(JSON.stringify(data === undefined ? { errors: ["permission denied"] } : { data }));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    rotate,
    behaviour,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function described(
  type: KeyType,
  version: { readonly key: KeyObject | undefined; readonly createdAt: number },
): unknown {
  if (version.key === undefined) return Math.floor(version.createdAt / 1000);
  const { x } = version.key.export({ format: "jwk" });
  const pem = createPublicKey(version.key).export({ type: "spki", format: "pem" });
  return {
    creation_time: new Date(version.createdAt).toISOString(),
    name: type,
    public_key: type === "ed25519" ? Buffer.from(x ?? "", "base64url").toString("base64") : pem,
  };
}

function signature(key: KeyObject, asked: SignRequest): string {
  const digest = asked.hash_algorithm === undefined ? null : asked.hash_algorithm.replace("sha2-", "sha");
  const jws = asked.marshaling_algorithm === "jws";
  const bytes = sign(digest, Buffer.from(asked.input, "base64"), {
    key,
    dsaEncoding: jws ? "ieee-p1363" : "der",
    ...(asked.signature_algorithm === "pss" && {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }),
  });
  return bytes.toString(jws ? "base64url" : "base64");
}

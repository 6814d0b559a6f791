/**
 * A small Iceberg REST catalog that knows nothing of icemint but its address: it verifies every Bearer with the
 * published keys, as a real catalog would, and answers with one namespace.
 */
import { once } from "node:events";
import { type IncomingMessage, type Server, createServer } from "node:http";
import { type JWTPayload, createRemoteJWKSet, jwtVerify } from "jose";

/** A request that the catalog let in, or refused. */
export interface CatalogCall {
  readonly path: string;
  /** The claims of the token; undefined if it was refused. */
  readonly claims: JWTPayload | undefined;
  readonly status: number;
  readonly at: number;
}

/** What differs between catalogs. */
export interface CatalogOptions {
  /** Where the tokens come from: issuer and origin. */
  readonly tokens: string;
  /** Refuses this many requests for namespaces, though the token is good, with 401 or 419. */
  readonly refuse?: { readonly times: number; readonly status: 401 | 419 };
}

/** A running catalog. */
export class FakeCatalog implements AsyncDisposable {
  readonly calls: CatalogCall[] = [];
  readonly #server: Server;
  readonly #options: CatalogOptions;
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  #refusalsLeft: number;

  private constructor(options: CatalogOptions) {
    this.#options = options;
    this.#refusalsLeft = options.refuse?.times ?? 0;
    this.#keys = createRemoteJWKSet(new URL(`${options.tokens}/.well-known/jwks.json`), { cooldownDuration: 0 });
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body }) => {
        return response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
      });
    });
  }

  static async start(options: CatalogOptions): Promise<FakeCatalog> {
    const catalog = new FakeCatalog(options);
    catalog.#server.listen(0, "127.0.0.1");
    await once(catalog.#server, "listening");
    return catalog;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the catalog does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  /** What the tokens of the calls that were let in say, oldest first. */
  claims(): readonly JWTPayload[] {
    return this.calls.flatMap(({ claims }) => (claims === undefined ? [] : [claims]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const path = new URL(request.url ?? "/", "http://catalog").pathname;
    const claims = await this.#claimsOf(request.headers.authorization ?? "");
    const wanted = path === "/v1/config" ? undefined : this.#options.refuse;
    const refused = wanted !== undefined && this.#refusalsLeft > 0;
    if (refused) this.#refusalsLeft -= 1;
    const status = claims === undefined ? 401 : refused ? wanted.status : 200;
    this.calls.push({ path, claims: status === 200 ? claims : undefined, status, at: Date.now() });
    if (status !== 200)
      return { status, body: { error: { message: "not authorized", type: "NotAuthorized", code: status } } };
    return { status, body: path === "/v1/config" ? { defaults: {}, overrides: {} } : { namespaces: [["db"]] } };
  }

  async #claimsOf(authorization: string): Promise<JWTPayload | undefined> {
    const token = /^Bearer (\S+)$/.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    try {
      const checks = { issuer: this.#options.tokens, algorithms: ["ES256"], typ: "at+jwt", clockTolerance: 0 };
      return (await jwtVerify(token, this.#keys, checks)).payload;
    } catch {
      return undefined;
    }
  }
}

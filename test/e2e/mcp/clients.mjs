/**
 * An MCP server that asks for a Bearer, and MCP clients that get one, both of the TypeScript SDK. A line of standard input is
 * a JSON object with "do" and its arguments; the answer is {"result": ...} or {"error": "..."}.
 */
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import {
  ClientCredentialsProvider,
  PrivateKeyJwtProvider,
  StaticPrivateKeyJwtProvider,
} from "@modelcontextprotocol/sdk/client/auth-extensions.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

const INFO = { name: "e2e", version: "1" };

let url = "";
let issuer = "";
/** The `Authorization` that the last call had. */
let seen;

const service = createServer((request, response) => {
  serve(request, response).catch((error) => response.destroy(error));
});

async function serve(request, response) {
  if (request.url === "/.well-known/oauth-protected-resource/mcp") {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ resource: url, authorization_servers: [issuer] }));
    return;
  }
  if (request.url !== "/mcp") {
    response.writeHead(404).end();
    return;
  }
  if (request.headers.authorization === undefined) {
    const metadata = new URL("/.well-known/oauth-protected-resource/mcp", url);
    response.writeHead(401, { "WWW-Authenticate": `Bearer resource_metadata="${metadata}"` }).end();
    return;
  }
  seen = request.headers.authorization;
  const server = new McpServer(INFO);
  server.registerTool("ping", {}, async () => ({ content: [{ type: "text", text: "pong" }] }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on("close", () => void transport.close());
  await server.connect(transport);
  await transport.handleRequest(request, response);
}

/** A provider as an application writes one for a grant that the SDK has no class for (`prepareTokenRequest`). */
function byAssertion({ client, assertion }) {
  let tokens;
  return {
    redirectUrl: undefined,
    clientMetadata: { redirect_uris: [] },
    clientInformation: () => client,
    tokens: () => tokens,
    saveTokens: (saved) => void (tokens = saved),
    redirectToAuthorization: () => undefined,
    saveCodeVerifier: () => undefined,
    codeVerifier: () => "",
    prepareTokenRequest: () =>
      new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }),
  };
}

const PROVIDERS = {
  secret: (options) => new ClientCredentialsProvider({ ...options, expectedIssuer: issuer }),
  key: (options) => new PrivateKeyJwtProvider({ ...options, expectedIssuer: issuer }),
  "client assertion": (options) => new StaticPrivateKeyJwtProvider({ ...options, expectedIssuer: issuer }),
  assertion: byAssertion,
};

const QUESTIONS = {
  async serve() {
    await new Promise((listening) => service.listen(0, "127.0.0.1", listening));
    url = `http://127.0.0.1:${service.address().port}/mcp`;
    return url;
  },
  /** Calls the tool with a token by this provider: what the tool said, and the token. */
  async call({ by, trusting, options }) {
    issuer = trusting;
    seen = undefined;
    const client = new Client(INFO);
    const authProvider = PROVIDERS[by](options);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
    try {
      const { content } = await client.callTool({ name: "ping" });
      return { said: content[0].text, authorization: seen };
    } finally {
      await client.close();
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...question } = JSON.parse(line);
  let answer;
  try {
    answer = { result: await QUESTIONS[name](question) };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
service.close();

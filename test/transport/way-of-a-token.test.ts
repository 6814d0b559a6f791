/** The way of a token through the files, as CONTRIBUTING.md shows it, held against what the engine says has run. */
import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test as base } from "vitest";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { TOKEN_PATH } from "../../src/oauth/paths.js";
import { eventually } from "../support/eventually.js";
import { type RunningApp, runApp } from "../support/running-app.js";

const ROOT = resolve(import.meta.dirname, "../..");
const SECRET = "a-secret-that-was-generated-0123456789";
const SETTINGS = {
  issuer: "https://tokens.example",
  clients: [
    {
      id: "etl",
      secrets: [{ env: "ETL_SECRET" }],
      grants: ["client_credentials"],
      scopes: { allowed: ["catalog"], default: ["catalog"] },
      audiences: { allowed: ["https://catalog.example"], default: ["https://catalog.example"] },
    },
  ],
};

type Transport = "form" | "gRPC";
/** Whether there is a token: the engine stands still when it begins to count, and the server then refuses in overload. */
type GetToken = () => Promise<boolean>;

const test = base.extend<{ running: RunningApp; getToken: Readonly<Record<Transport, GetToken>> }>({
  // oxlint-disable-next-line no-empty-pattern -- Vitest reads the names of the fixtures from the pattern
  running: async ({}, use) => {
    await using running = await runApp({ settings: SETTINGS, env: { ETL_SECRET: SECRET } });
    await use(running);
  },
  getToken: async ({ running: { url } }, use) => {
    const body = new URLSearchParams({ grant_type: "client_credentials", client_id: "etl", client_secret: SECRET });
    const client = createClient(TokenService, createGrpcTransport({ baseUrl: url }));
    await use({
      form: async () => {
        const response = await fetch(url + TOKEN_PATH, { method: "POST", body });
        await response.text();
        return response.ok;
      },
      gRPC: () =>
        client
          .getToken({ grant: { case: "clientCredentials", value: {} }, clientId: "etl", clientSecret: SECRET })
          .then(
            () => true,
            () => false,
          ),
    });
  },
});

describe.each(["form", "gRPC"] as const)("the way of a %s token", (transport) => {
  const most = transport === "form" ? 18 : 20;

  test(`leads through at most ${most} files`, () => {
    expect(wayOf(transport).length).toBeLessThanOrEqual(most);
  });

  test("leads through the files that CONTRIBUTING.md names, and what else runs stands beside them there", async ({
    getToken,
  }) => {
    const ran = await filesThatRun(getToken[transport]);
    expect(wayOf(transport).filter((file) => !ran.has(file))).toEqual([]);
    const named = [...wayOf(transport), ...besideTheWay()];
    const others = [...ran].filter((file) => !named.some((name) => file === name || file.startsWith(`${name}/`)));
    expect(others).toEqual([]);
  });
});

function block(name: string): readonly string[] {
  const guide = readFileSync(resolve(ROOT, "CONTRIBUTING.md"), "utf8");
  const [, lines = ""] = new RegExp(`^\`\`\`${name}\\n([^]*?)^\`\`\`$`, "m").exec(guide) ?? [];
  return lines.split("\n").filter((line) => line !== "");
}

function wayOf(transport: Transport): readonly string[] {
  return block("way")
    .map((line) => /^(form|gRPC|both) +(\S+)/.exec(line) ?? [])
    .filter(([, which]) => which === transport || which === "both")
    .map(([, , file = ""]) => file);
}

function besideTheWay(): readonly string[] {
  return block("beside").flatMap((line) => (/^(\S+(?: \S+)*)/.exec(line)?.[1] ?? "").split(" "));
}

/** Files with a function that ran in each of two requests: what a timer started in between does not count. */
async function filesThatRun(request: GetToken): Promise<ReadonlySet<string>> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    const first = await filesOf(session, request);
    const second = await filesOf(session, request);
    return new Set([...first].filter((file) => second.has(file)));
  } finally {
    session.disconnect();
  }
}

async function filesOf(session: Session, request: GetToken): Promise<Set<string>> {
  await eventually("a token", request);
  await session.post("Profiler.takePreciseCoverage");
  await eventually("a token, counted", request);
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const ran = result.filter(({ functions }) =>
    functions.some(({ functionName, ranges }) => functionName !== "" && ranges.some(({ count }) => count > 0)),
  );
  return new Set(
    ran.map(({ url }) => relative(resolve(ROOT, "src"), pathOf(url))).filter((path) => !path.startsWith("..")),
  );
}

function pathOf(url: string): string {
  return url.startsWith("file:") ? fileURLToPath(url) : url;
}

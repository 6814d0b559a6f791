/** The package as it is published: what its entries load, and what a project that installs it can do. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/free-port.js";
import { ServerProcess, cleanEnvironment } from "../support/server-process.js";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");
const { dependencies, exports: entries } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
};

/** A project of TypeScript with nothing in it but the package and what it depends on. */
let project: string;
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "icemint-project-"));
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], {
    cwd: ROOT,
  });
  const [packed] = JSON.parse(stdout) as readonly { readonly filename: string }[];
  const modules = join(project, "node_modules");
  mkdirSync(join(modules, "icemint"), { recursive: true });
  await run("tar", [
    "-xzf",
    join(project, packed?.filename ?? ""),
    "-C",
    join(modules, "icemint"),
    "--strip-components=1",
  ]);
  // What npm would fetch is in the checkout already.
  for (const name of [...Object.keys(dependencies), "@types/node"]) link(modules, name);
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const compilerOptions = {
    module: "nodenext",
    target: "es2024",
    strict: true,
    types: ["node"],
    rootDir: ".",
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

function link(modules: string, name: string): void {
  mkdirSync(dirname(join(modules, name)), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
}

async function compile(programs: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(project, `${name}.ts`), text);
  try {
    await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", project]);
  } catch (error) {
    throw new Error(`does not compile:\n${String((error as { stdout?: unknown }).stdout)}`, { cause: error });
  }
}

test("the package has what it should, and nothing else", () => {
  const found = globSync("**/*", { cwd: join(project, "node_modules/icemint"), withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(project, "node_modules/icemint"), join(entry.parentPath, entry.name)));
  const shipped = [
    /^(?:LICENSE|README\.md|package\.json|docs\/doctor\.md)$/,
    /^conformance\/(?:README\.md|(?:clients\/)?[\w.-]+\.json)$/,
    /^proto\/(?:README\.md|.*\.proto)$/,
    /^dist\/.*(?:\.js|\.d\.ts|\/package\.json)$/,
  ];
  expect(found.filter((path) => !shipped.some((shape) => shape.test(path)))).toEqual([]);
  expect(found).toEqual(expect.arrayContaining(["dist/main.js", "conformance/kit.json", "docs/doctor.md"]));
});

const PRINT_LOADED = `
  import { registerHooks } from "node:module";
  const urls = [];
  registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
  await import(process.argv[1]);
  console.log(JSON.stringify(urls));
`;

describe("an entry", () => {
  /** Files of ours that are the server's too, and nothing but rules of tokens and revocations. */
  const SHARED = [
    "tokens/token-verifier.js",
    "tokens/signature-cache.js",
    "revocations/table.js",
    "revocations/sessions.js",
    "keys/jwks.js",
    "keys/signer.js",
    "jwt/jwk-set.js",
  ];
  const FREE = /^(?:client|verifier|oauth|time|gen)\/|^proto\.js$/;
  const PACKAGES: Readonly<Record<string, readonly string[]>> = {
    "./client": [],
    "./client/grpc-js": [],
    "./proto": ["@bufbuild/protobuf"],
    "./verifier": ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-node"],
    "./verifier/grpc-js": ["@bufbuild/protobuf"],
  };

  test.each(Object.entries(PACKAGES))(
    "%s loads nothing of the server, and of packages only %j",
    async (entry, packages) => {
      const specifier = entry.replace(".", "icemint");
      const args = ["--input-type=module", "-e", PRINT_LOADED, specifier];
      const { stdout } = await run(process.execPath, args, { cwd: project });
      const loaded = (JSON.parse(stdout) as readonly string[]).filter((url) => url.startsWith("file:"));
      const ours = loaded.flatMap((url) => url.split("/icemint/dist/")[1] ?? []);
      const theirs = loaded
        .filter((url) => !url.includes("/icemint/dist/"))
        .map((url) => url.split("/node_modules/").at(-1) ?? url);
      expect(ours.length).toBeGreaterThan(0);
      expect(ours.filter((file) => !FREE.test(file) && !SHARED.includes(file))).toEqual([]);
      expect(new Set(theirs.map((path) => path.split("/").slice(0, 2).join("/")))).toEqual(new Set(packages));
    },
  );

  test("is there for each export", () => {
    expect(Object.keys(entries).toSorted()).toEqual([...Object.keys(PACKAGES), "./package.json"].toSorted());
  });
});

/** The TypeScript of a document, block by block. */
function blocksOf(document: string): readonly string[] {
  const text = readFileSync(join(ROOT, document), "utf8");
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);
}

const secretOf = (id: string): string => `a-secret-of-${id}-alone-0123`;
const AUDIENCE = "https://catalog.example.com";
const client = (id: string, permissions: readonly string[] = []): object => ({
  id,
  secrets: [{ sha256: createHash("sha256").update(secretOf(id)).digest("hex") }],
  scopes: { allowed: ["catalog"], default: ["catalog"] },
  audiences: { allowed: [AUDIENCE], default: [AUDIENCE] },
  permissions,
});

test("a project compiles and runs what the documents show, and each program ends by itself once it has closed", async () => {
  const [getTokens = "", carry = "", verifyTokens = ""] = blocksOf("docs/services.md");
  const [callItYourself = ""] = blocksOf("proto/README.md");
  await using server = await ServerProcess.start({
    settings: { clients: [client("orders"), client("catalog", ["watch_revocations"])] },
    files: { orders: `${secretOf("orders")}\n`, catalog: `${secretOf("catalog")}\n` },
  });
  const port = await freePort();
  const here = (program: string, id = ""): string =>
    program
      .replaceAll("https://tokens.example.com", server.url)
      .replaceAll("http://127.0.0.1:8181", server.url)
      .replaceAll("https://catalog.example.com/v1", `http://127.0.0.1:${port}/v1`)
      .replaceAll("/run/secrets/icemint", join(server.folder, id))
      .replaceAll("8080", String(port));
  for (const name of ["@grpc/grpc-js"]) link(join(project, "node_modules"), name);
  const closing = `
    import { createVerifier } from "icemint/verifier";
    const verifier = createVerifier({ server: "${server.url}", audience: "${AUDIENCE}", clientId: "catalog", clientSecret: "${secretOf("catalog")}" });
    await verifier.ready();
    await verifier.close();
    console.log("closed");
  `;
  await compile({
    "get-tokens": here(getTokens, "orders"),
    carry,
    "verify-tokens": here(verifyTokens, "catalog"),
    call: here(callItYourself),
    closing,
  });
  const program = (name: string) =>
    spawn(process.execPath, [join(project, `${name}.js`)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: cleanEnvironment(),
    });
  const output = async (name: string): Promise<string> => {
    const child = program(name);
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    const [code] = (await once(child, "close", { signal: AbortSignal.timeout(10_000) })) as [number];
    return `${code}: ${text.trim()}`;
  };
  const service = program("verify-tokens");
  try {
    await eventually(
      "the service listens",
      () =>
        fetch(`http://127.0.0.1:${port}/`).then(
          () => true,
          () => false,
        ),
      15_000,
    );
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(401);
    expect(await output("get-tokens")).toBe("0: 200 hello orders");
    expect(await output("call")).toMatch(/^0: \[ '[\w-]{43}' \]$/);
    expect(await output("closing")).toBe("0: closed");
  } finally {
    service.kill("SIGKILL");
    await once(service, "close");
  }
}, 90_000);

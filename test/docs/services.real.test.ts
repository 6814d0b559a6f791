/** The programs of docs/services.md, in each language, as they stand there. Each prints what the page says. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCache } from "../support/python-env.js";
import { ServerProcess, cleanEnvironment } from "../support/server-process.js";
import { projectRoot, skipped, tool } from "../support/tool.js";
import { readPage } from "./markdown.js";

const run = promisify(execFile);
const SECRET = "a-secret-for-orders-0123456789";
const page = readPage("docs/services.md");

/** The block that the page gives this name. */
function blockOf(title: string): string {
  const [, text] = new RegExp(`^\`\`\`\\w+ title=${title.replace(".", "\\.")}\\n([^]*?)^\`\`\`$`, "m").exec(page) ?? [];
  if (text === undefined) throw new Error(`docs/services.md has no ${title}`);
  return text;
}

const printed = (code: string): string => {
  const [, text = ""] = /^```text\n([^]*?)^```$/m.exec(page) ?? [];
  return text.replace("UNAUTHENTICATED", code);
};

const python = tool("python3", "install Python 3.10 or later");
const go = tool("go", "install Go");
const PROTO = join(projectRoot, "proto");

/** A Python with grpcio-tools, made once; its protoc serves Go too. */
async function grpcTools(): Promise<string> {
  const folder = join(testCache(), "grpc-python-1.85");
  const interpreter = join(folder, "bin/python");
  if (!existsSync(join(folder, "done"))) {
    mkdirSync(testCache(), { recursive: true });
    await run(python.path, ["-m", "venv", folder]);
    await run(interpreter, ["-m", "pip", "-q", "install", "grpcio-tools==1.85.1", "grpcio-status==1.85.3"]);
    writeFileSync(join(folder, "done"), "");
  }
  return interpreter;
}

let server: ServerProcess;
let work: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "icemint-services-"));
  const settings = parse(blockOf("orders.yaml")) as object;
  server = await ServerProcess.start({ settings, env: { ORDERS_SECRET: SECRET } });
  env = cleanEnvironment({ ICEMINT: new URL(server.url).host, ORDERS_SECRET: SECRET });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

test("in TypeScript", async () => {
  const folder = join(work, "typescript");
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(projectRoot, join(folder, "node_modules/icemint"));
  for (const scope of ["@connectrpc", "@bufbuild"]) {
    symlinkSync(join(projectRoot, "node_modules", scope), join(folder, "node_modules", scope));
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "orders.ts"), blockOf("orders.ts"));
  const { stdout } = await run(process.execPath, ["orders.ts"], { cwd: folder, env });
  expect(stdout).toBe(printed("UNAUTHENTICATED"));
});

describe.skipIf(python.missing)(`with Python's protoc${python.reason}`, () => {
  let interpreter: string;

  beforeAll(async () => {
    interpreter = await grpcTools();
  }, 240_000);

  const protoc = (folder: string, args: readonly string[], path = process.env["PATH"] ?? "") =>
    run(interpreter, ["-m", "grpc_tools.protoc", "-I", PROTO, ...args, join(PROTO, "icemint/v1/token_service.proto")], {
      cwd: folder,
      env: { ...process.env, PATH: path },
    });

  test("in Python", async () => {
    const folder = join(work, "python");
    mkdirSync(join(folder, "gen"), { recursive: true });
    await protoc(folder, ["--python_out=gen", "--pyi_out=gen", "--grpc_python_out=gen"]);
    writeFileSync(join(folder, "orders.py"), blockOf("orders.py"));
    const { stdout } = await run(interpreter, ["orders.py"], { cwd: folder, env: { ...env, PYTHONPATH: "gen" } });
    expect(stdout).toBe(printed("UNAUTHENTICATED"));
  });

  test.skipIf(go.missing)(
    `in Go${go.missing ? skipped("no go") : ""}`,
    async () => {
      const folder = join(work, "go");
      mkdirSync(join(folder, "gen"), { recursive: true });
      const bin = join(testCache(), "go-protoc");
      const install = { env: { ...process.env, GOBIN: bin, GOFLAGS: "-mod=mod" } };
      for (const plugin of [
        "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
        "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.1",
      ]) {
        await run(go.path, ["install", plugin], install);
      }
      const out = ["--go_out=gen", "--go_opt=paths=source_relative"];
      const grpcOut = ["--go-grpc_out=gen", "--go-grpc_opt=paths=source_relative"];
      await protoc(folder, [...out, ...grpcOut], `${bin}${delimiter}${process.env["PATH"] ?? ""}`);
      writeFileSync(join(folder, "main.go"), blockOf("main.go"));
      const inFolder = { cwd: folder, env: { ...env, GOFLAGS: "-mod=mod" } };
      await run(go.path, ["mod", "init", "example.com/orders"], inFolder);
      await run(go.path, ["mod", "tidy"], inFolder);
      const { stdout } = await run(go.path, ["run", "."], inFolder);
      expect(stdout).toBe(printed("Unauthenticated"));
    },
    240_000,
  );
});

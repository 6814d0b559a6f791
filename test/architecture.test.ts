/** Who may import whom. The table is the architecture: a new arrow is a decision, made here. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");

/** Folders of `src` (or single files) and what each may import besides itself and Node's own modules. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  oauth: [],
  storage: ["oauth"],
  keys: ["oauth", "storage", "jose"],
  limits: ["oauth", "storage"],
  clients: ["oauth", "storage", "keys", "limits", "tokens", "jose"],
  tokens: ["oauth", "keys", "storage", "clients", "jose"],
  grants: ["oauth", "clients", "tokens", "limits", "keys", "storage"],
  "storage/memory": ["oauth", "storage", "limits", "tokens"],
  "storage/redis": ["oauth", "storage", "config", "tokens", "ioredis"],
  "transport/rpc": ["oauth", "grants", "telemetry", "gen", "keys", "tokens", "transport", "@connectrpc", "@bufbuild"],
  "transport/rest": ["oauth", "grants", "telemetry", "keys", "tokens", "transport"],
  transport: ["oauth", "config", "telemetry", "limits", "keys", "grants", "tokens", "transport/rest", "transport/rpc"],
  telemetry: ["oauth", "pino", "prom-client", "sonic-boom"],
  config: ["oauth", "clients", "limits", "keys", "tokens", "yaml", "zod"],
  cli: ["oauth", "config", "telemetry", "clients", "keys", "gen", "app.ts", "yaml", "@connectrpc", "@bufbuild"],
  gen: ["@bufbuild"],
};

/** Folders whose files are the product's core: no transport, no database, no telemetry in them. */
const CORE = ["oauth", "grants", "clients", "tokens", "keys", "limits"];

interface Import {
  readonly from: string;
  readonly to: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const from = relative(SRC, file);
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\()"([^"]+)"/g)].map(([, specifier = ""]) => ({
    from,
    to: specifier.startsWith(".")
      ? relative(SRC, resolve(dirname(file), specifier)).replace(/\.js$/, ".ts")
      : specifier,
  }));
}

/** The row of the table that a path belongs to: the longest that fits. */
function roomOf(path: string): string {
  const rooms = Object.keys(MAY_IMPORT).filter((room) => path.startsWith(`${room}/`));
  return rooms.toSorted((a, b) => b.length - a.length)[0] ?? path;
}

function packageOf(specifier: string): string {
  const [scope = "", name = ""] = specifier.split("/");
  return scope.startsWith("@") &&
    MAY_IMPORT[scope] === undefined &&
    !scope.startsWith("@connectrpc") &&
    !scope.startsWith("@bufbuild")
    ? `${scope}/${name}`
    : scope;
}

const imports = sourceFiles(SRC)
  .filter((file) => !file.includes("/gen/"))
  .flatMap(importsOf)
  .filter(({ to }) => !to.startsWith("node:"));

describe("who may import whom", () => {
  for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
    test(`${room} imports only ${allowed.join(", ") || "itself"}`, () => {
      const strangers = imports
        .filter(({ from }) => roomOf(from) === room)
        .map(({ from, to }) => ({ from, to, room: /\.(ts|json)$/.test(to) ? roomOf(to) : packageOf(to) }))
        .filter((edge) => edge.room !== room && !allowed.includes(edge.room));
      expect(strangers).toEqual([]);
    });
  }

  test("rest and rpc never import each other", () => {
    const crossing = imports.filter(
      ({ from, to }) =>
        (from.startsWith("transport/rest/") && to.startsWith("transport/rpc/")) ||
        (from.startsWith("transport/rpc/") && to.startsWith("transport/rest/")),
    );
    expect(crossing).toEqual([]);
  });

  test("the core imports no transport, no telemetry, no configuration, no generated code and no backend", () => {
    const outward = imports.filter(
      ({ from, to }) =>
        CORE.includes(roomOf(from)) && /^(transport|telemetry|config|gen|storage\/(memory|redis))\//.test(to),
    );
    expect(outward).toEqual([]);
  });

  test("no concrete backend is imported outside the composition root", () => {
    const reaching = imports.filter(
      ({ from, to }) => /^storage\/(memory|redis)\//.test(to) && !from.startsWith("storage/") && !/^app[./]/.test(from),
    );
    expect(reaching).toEqual([]);
  });
});

describe("what a file may do", () => {
  const files = sourceFiles(SRC).filter((file) => !file.includes("/gen/"));

  test("only main.ts touches the process", () => {
    const touching = files.filter(
      (file) =>
        !file.endsWith("/main.ts") &&
        /(?<![\w."'`])process\.(env|argv|exit|on|once|stdout|stderr|cwd|kill)/.test(readFileSync(file, "utf8")),
    );
    expect(touching.map((file) => relative(SRC, file))).toEqual([]);
  });

  test("no file is longer than 400 lines", () => {
    const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 400);
    expect(long.map((file) => relative(SRC, file))).toEqual([]);
  });

  test("the core takes its clock and randomness by argument", () => {
    const core = files.filter((file) => CORE.includes(roomOf(relative(SRC, file))));
    const impure = core.filter((file) =>
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/.test(readFileSync(file, "utf8")),
    );
    expect(impure.map((file) => relative(SRC, file))).toEqual([]);
  });
});

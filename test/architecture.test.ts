/** Who may import whom. The table is the architecture: a new arrow is a decision, made here. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");

/** The rooms, from the highest to the lowest, and what each may import besides itself and Node's own modules. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["cli"],
  cli: [
    "oauth",
    "app.ts",
    "edge",
    "config",
    "config/reading",
    "config/clients",
    "config/reload",
    "clients",
    "issuers",
    "jwt",
    "doctor",
    "files",
    "telemetry",
    "time",
    "gen",
    "yaml",
    "@connectrpc",
    "@bufbuild",
  ],
  "app.ts": [
    "app",
    "config",
    "config/reading",
    "transport",
    "limits",
    "issuers",
    "jwt",
    "oauth",
    "telemetry",
    "crypto",
    "time",
  ],
  app: [
    "transport",
    "transport/rest",
    "transport/rpc",
    "config",
    "endpoints",
    "grants",
    "clients",
    "tokens",
    "revocations",
    "issuers",
    "keys",
    "limits",
    "storage",
    "storage/memory",
    "storage/redis",
    "oauth",
    "telemetry",
    "crypto",
    "time",
  ],
  transport: [
    "transport/rest",
    "transport/rpc",
    "config",
    "config/reading",
    "files",
    "limits",
    "oauth",
    "telemetry",
    "crypto",
    "time",
  ],
  "transport/rest": ["transport", "endpoints", "grants", "keys", "jwt", "oauth", "telemetry"],
  "transport/rpc": [
    "transport",
    "transport/rpc/lane",
    "endpoints",
    "grants",
    "revocations",
    "keys",
    "oauth",
    "telemetry",
    "gen",
    "@connectrpc",
    "@bufbuild",
  ],
  "transport/rpc/lane": ["transport", "transport/rpc", "@connectrpc", "@bufbuild"],
  "edge/inbound": ["edge", "verifier", "client", "telemetry", "config/reading", "oauth", "time", "gen", "@bufbuild"],
  // A process of its own: it is made of what services load, and knows no store and no grant.
  edge: [
    "edge/inbound",
    "verifier",
    "client",
    "telemetry",
    "config/reading",
    "tokens",
    "revocations",
    "oauth",
    "gen",
    "time",
    "@connectrpc",
    "zod",
  ],
  // What services load: of the server only what reads its tokens and knows what is revoked.
  verifier: [
    "client",
    "tokens",
    "revocations",
    "keys",
    "jwt",
    "oauth",
    "time",
    "gen",
    "@connectrpc",
    "@bufbuild",
    "@grpc/grpc-js",
  ],
  client: ["oauth", "time", "@connectrpc", "@grpc/grpc-js"],
  "proto.ts": ["gen"],
  telemetry: ["oauth", "time", "pino", "prom-client"],
  config: [
    "config/clients",
    "config/issuers",
    "config/reading",
    "config/reload",
    "clients",
    "issuers",
    "jwt",
    "keys",
    "limits",
    "oauth",
    "time",
    "zod",
  ],
  "config/reload": ["config", "config/reading", "clients", "files"],
  "config/clients": ["config/issuers", "config/reading", "clients", "issuers", "oauth", "time", "zod"],
  "config/issuers": ["config/reading", "issuers", "oauth", "time", "zod"],
  "config/reading": ["files", "oauth", "time", "yaml", "zod"],
  endpoints: ["grants", "clients", "tokens", "revocations", "keys", "storage", "oauth", "time"],
  grants: ["clients", "tokens", "revocations", "issuers", "keys", "storage", "jwt", "oauth", "crypto", "time"],
  clients: ["issuers", "limits", "storage", "jwt", "oauth", "crypto", "time", "jose"],
  tokens: ["keys", "oauth", "crypto", "time"],
  revocations: ["storage", "oauth", "time"],
  issuers: ["jwt", "oauth", "time", "jose"],
  keys: ["storage", "files", "oauth", "time"],
  limits: ["storage", "time"],
  "storage/memory": ["storage", "oauth", "time"],
  "storage/redis": ["storage", "oauth", "crypto", "time", "ioredis"],
  storage: ["oauth", "time"],
  jwt: ["oauth", "time", "jose"],
  oauth: [],
  files: ["time"],
  crypto: [],
  time: [],
  // It is a program of its own: it asks any token endpoint, and knows nothing of ours.
  doctor: [],
  gen: ["@bufbuild"],
};

/** The product's core: no transport, no database, no telemetry in them. */
const CORE = [
  "endpoints",
  "grants",
  "clients",
  "tokens",
  "revocations",
  "issuers",
  "keys",
  "limits",
  "storage",
  "jwt",
  "oauth",
  "crypto",
  "time",
];

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

/** The folder of `src` that a room is, or is a part of. */
function folderOf(room: string): string {
  return room.split("/")[0] ?? room;
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

/** Hand-written files with comments. */
function commentedFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|lua)$/.test(name) && !name.startsWith("gen/"))
    .map((name) => join(folder, name));
}

/** Names like `xyz.ts`, `xyz.md` and `folder/xyz.lua` in the comments of a file; not patterns such as `*.test.ts`. */
function filesNamedIn(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const comment = file.endsWith(".lua") ? /--.*$/gm : /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm;
  const name = /(?<![\w./*-])(?:[\w.-]+\/)*[\w.-]*\w\.(?:ts|md|lua)\b(?![.-]\w)/g;
  return (text.match(comment) ?? []).flatMap((words) => words.match(name) ?? []);
}

const ROOT = resolve(SRC, "..");

/** Every path of the repository, and every end of one: a comment may name a file with or without its folders. */
const PATH_ENDS: ReadonlySet<string> = new Set(
  ["src", "test", "docs", "conformance", "deploy", "proto", "examples", "scripts"]
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
    )
    .concat(readdirSync(ROOT))
    .flatMap((path) => path.split("/").map((_, from, parts) => parts.slice(from).join("/"))),
);

function isFileName(name: string, folder: string): boolean {
  return PATH_ENDS.has(name) || existsSync(resolve(folder, name));
}

const imports = sourceFiles(SRC)
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

    test(`${room} uses every permission that it has`, () => {
      const used = new Set(
        imports
          .filter(({ from }) => roomOf(from) === room)
          .map(({ to }) => (/\.(ts|json)$/.test(to) ? roomOf(to) : packageOf(to))),
      );
      expect(allowed.filter((other) => !used.has(other))).toEqual([]);
    });
  }

  test("every file belongs to a room of the table", () => {
    const strangers = sourceFiles(SRC)
      .map((file) => relative(SRC, file))
      .filter((file) => MAY_IMPORT[roomOf(file)] === undefined);
    expect(strangers).toEqual([]);
  });

  test("arrows between folders only ever point down", () => {
    const rank = new Map(Object.keys(MAY_IMPORT).map((room, at) => [room, at]));
    const upward = Object.entries(MAY_IMPORT).flatMap(([room, allowed]) =>
      allowed
        .filter((other) => (rank.get(other) ?? Infinity) < (rank.get(room) ?? 0))
        .filter((other) => folderOf(other) !== folderOf(room))
        .map((other) => `${room} -> ${other}`),
    );
    expect(upward).toEqual([]);
  });

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

/** The picture in CONTRIBUTING.md: the line of each folder and file of `src`, counted from the top. */
function linesOfPicture(): ReadonlyMap<string, number> {
  const [, picture = ""] = /^```rooms\n([^]*?)^```$/m.exec(readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8")) ?? [];
  const rows = picture.split("\n").map((line) => /^[a-z][\w., ]*?(?= {2})/.exec(line)?.[0].split(", ") ?? []);
  return new Map(rows.flatMap((names, line) => names.map((name): [string, number] => [name, line])));
}

describe("the picture of the rooms in CONTRIBUTING.md", () => {
  const lines = linesOfPicture();

  test("shows every room, and nothing else", () => {
    const folders = new Set(Object.keys(MAY_IMPORT).map(folderOf));
    expect(new Set(lines.keys())).toEqual(folders);
  });

  test("has each room above those that it imports", () => {
    const upward = Object.entries(MAY_IMPORT).flatMap(([room, allowed]) =>
      allowed
        .map(folderOf)
        .filter((other) => other !== folderOf(room) && lines.has(other))
        .filter((other) => (lines.get(folderOf(room)) ?? Infinity) >= (lines.get(other) ?? 0))
        .filter((other) => !(room === "app.ts" && other === "app"))
        .map((other) => `${room} -> ${other}`),
    );
    expect(upward).toEqual([]);
  });
});

test("a file that CONTRIBUTING.md names exists", () => {
  const guide = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
  const named = [...guide.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.\w+)`/g)].map(([, path = ""]) => path);
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((path) => !isFileName(path, ROOT))).toEqual([]);
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

  test("no file is longer than 300 lines, but the one that holds the scripts of Redis", () => {
    const long = files
      .filter((file) => !file.endsWith("/storage/redis/scripts.ts")) // made from lua/
      .filter((file) => readFileSync(file, "utf8").trimEnd().split("\n").length > 300);
    expect(long.map((file) => relative(SRC, file))).toEqual([]);
  });

  test("the core keeps no state in a module: no `let` stands at the top of a file", () => {
    const stateful = files
      .map((file) => relative(SRC, file))
      .filter((file) => CORE.includes(roomOf(file)))
      .filter((file) => /^(?:export )?(?:let|var) /m.test(readFileSync(join(SRC, file), "utf8")));
    expect(stateful).toEqual([]);
  });

  test("instants are milliseconds: only claims, and what Redis keeps, are in seconds", () => {
    const inSeconds = files
      .filter((file) => /\btoSeconds\(/.test(readFileSync(file, "utf8")))
      .map((file) => relative(SRC, file));
    expect(inSeconds.toSorted()).toEqual([
      "edge/signed-assertion.ts", // claims
      "endpoints/introspection.ts", // claims
      "grants/refresh-token.ts", // the stored session of a family
      "revocations/sessions.ts", // 32 bits a slot
      "storage/redis/log-state.ts",
      "storage/redis/revocation-entry.ts",
      "storage/redis/revocation-log.ts",
      "time/clock.ts",
      "tokens/token-issuer.ts", // claims
    ]);
  });

  test("a file that a comment names exists", () => {
    const strangers = commentedFiles(SRC).flatMap((file) =>
      filesNamedIn(file)
        .filter((name) => !isFileName(name, dirname(file)))
        .map((name) => `${relative(SRC, file)} names ${name}`),
    );
    expect(strangers).toEqual([]);
  });

  test("the core takes its clock and randomness by argument", () => {
    const core = files.filter((file) => CORE.includes(roomOf(relative(SRC, file))));
    const impure = core.filter((file) =>
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/.test(readFileSync(file, "utf8")),
    );
    expect(impure.map((file) => relative(SRC, file))).toEqual([]);
  });
});

/**
 * The commands of the pages. Every block is shell. Every `icemint` in it is a command with options that its usage names,
 * every `npm run` a script. Blocks that need nothing but this checkout are run as they stand.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../src/cli/run-command.js";
import { parseScryptHash } from "../../src/config/clients/scrypt-hash.js";
import { cleanEnvironment, MAIN } from "../support/server-process.js";
import { projectRoot } from "../support/tool.js";
import { pages, readPage } from "./markdown.js";

const BOUND_MS = 30_000;

interface Block {
  readonly page: string;
  readonly line: number;
  /** What is typed. */
  readonly shell: string;
}

/** Of a console, the lines behind `$ `, and what continues them. */
function typedAt(console: string): string {
  const [, ...commands] = `\n${console}`.split(/\n\$ /);
  return commands
    .map((command) => (command.includes("'\n") || /\\\n/.test(command) ? command : command.split("\n", 1)[0]))
    .join("\n");
}

const blocks: readonly Block[] = pages.flatMap((page) => {
  const text = readPage(page);
  return Array.from(text.matchAll(/^( *)```(sh|console)\b[^\n]*\n([^]*?)^\1```$/gm), (match) => {
    const [, indent = "", kind, body = ""] = match;
    const line = text.slice(0, match.index).split("\n").length;
    const shell = body.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    return { page, line, shell: kind === "console" ? typedAt(shell) : shell };
  });
});

/** Commands without what stands round them: comments, pipes, redirections, assignments. */
const commands = blocks.flatMap(({ page, line, shell }) =>
  shell
    .replaceAll(/\\\n/g, " ")
    .replaceAll(/(^|\s)#.*$/gm, "$1")
    .split(/\n|\||&&|&|;|\$\(/)
    .map((command) => command.trim().replace(/^(?:[A-Z_]+=\S+ +)+/, ""))
    .map((command) => ({ page, line, command })),
);

const calls = commands.flatMap(({ command, ...at }) => {
  const [, args] = /(?:^|-- )(?:npx )?(?:icemint(?:@[\d.]+)?|node dist\/main\.js) +(.*)$/.exec(command) ?? [];
  return args === undefined
    ? []
    : [
        {
          ...at,
          args: args
            .replaceAll(/[<>].*$/g, "")
            .trim()
            .split(/\s+/),
        },
      ];
});

async function usageOf(words: readonly string[]): Promise<string> {
  let out = "";
  const nothing = (): void => {};
  await runCommand({
    args: [...words, "--help"],
    env: {},
    stdout: { write: (text) => (out += text) },
    stderr: { write: nothing },
    readStdin: async () => "",
    readSecret: async () => undefined,
    confirm: async () => undefined,
    isTerminal: false,
    onSignal: nothing,
    onCrash: nothing,
    exit: nothing,
  });
  return out;
}

test("the pages have commands", () => {
  expect(blocks.length).toBeGreaterThan(30);
  expect(calls.length).toBeGreaterThan(15);
});

test.each(blocks)("$page:$line is shell", ({ shell }) => {
  const { status, stderr } = spawnSync("sh", ["-n"], { input: shell, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test.each(calls)("$page:$line: icemint $args is a command with these options", async ({ args }) => {
  const [first = "", second = ""] = args;
  const words = ["client", "clients", "workloads", "revocations"].includes(first) ? [first, second] : [first];
  const usage = await usageOf(words);
  expect(usage).toContain(`usage: icemint ${words.join(" ")}`);
  for (const option of args.filter((arg) => /^--\w/.test(arg))) expect(usage).toContain(option.replace(/=.*/, ""));
});

test("every npm run is a script of the package", () => {
  const { scripts } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { scripts: object };
  const named = commands.flatMap(({ command }) => /^npm run (?:-\S+ )*([\w:-]+)/.exec(command)?.[1] ?? []);
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

describe("what needs nothing but this checkout runs as it stands", () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "icemint-commands-"));
    const bin = join(folder, "bin");
    mkdirSync(bin);
    // A server that has started has done what the page says: it is stopped then.
    const icemint = `#!/bin/sh
[ "$1" = serve ] || exec "${process.execPath}" "${MAIN}" "$@"
"${process.execPath}" "${MAIN}" "$@" > started 2>&1 & server=$!
until grep -q "  tokens " started; do kill -0 $server || { cat started; exit 1; }; sleep 0.1; done
kill -KILL $server; wait $server || true
`;
    writeFileSync(join(bin, "icemint"), icemint, { mode: 0o755 });
    writeFileSync(
      join(bin, "npx"),
      `#!/bin/sh\n[ "$1" = node ] && { shift; exec "${process.execPath}" "$@"; }\nexec "$@"\n`,
      {
        mode: 0o755,
      },
    );
    const path = [bin, process.env["PATH"] ?? ""].join(delimiter);
    env = cleanEnvironment({ PATH: path, ICEMINT_LISTEN: "127.0.0.1:0", ICEMINT_ADMIN_LISTEN: "127.0.0.1:0" });
    writeFileSync(join(folder, "icemint.yaml"), "clients: [{ id: a, disabled: true }]\n");
    const [, orders = ""] = /^```yaml title=orders\.yaml\n([^]*?)^```$/m.exec(readPage("docs/services.md")) ?? [];
    writeFileSync(join(folder, "orders.yaml"), orders);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const block = (page: string, beginning: string): string => {
    const found = blocks.find((one) => one.page === page && one.shell.includes(beginning));
    if (found === undefined) throw new Error(`${page} has no block with ${beginning}`);
    return found.shell;
  };

  const typed = (shell: string): string => {
    const done = spawnSync("sh", ["-e"], {
      input: `${shell}\nwait\n`,
      cwd: folder,
      env,
      encoding: "utf8",
      timeout: BOUND_MS,
    });
    expect(done.stderr).not.toMatch(/not found|usage:/);
    expect(done.status).toBe(0);
    return done.stdout;
  };

  test("README.md: a client, its settings, a server", () => {
    const out = typed(block("README.md", "client new"));
    expect(out).toMatch(/icm_\w{46}[^]*good: issuer/);
  });

  test("docs/configuration.md: a check and a start", () => {
    expect(typed(block("docs/configuration.md", "check-config"))).toContain("good: issuer");
  });

  test("docs/configuration.md: the hash of a chosen secret is one that a client may have", () => {
    const shell = block("docs/configuration.md", "scryptSync");
    const out = typed(`printf 'a secret that somebody chose' | ${shell}`);
    expect(parseScryptHash(out.trim())).toMatchObject({ salt: expect.any(Buffer) });
  });

  test("docs/services.md: a server for the programs", () => {
    typed(block("docs/services.md", "ORDERS_SECRET"));
    expect(readFileSync(join(folder, "started"), "utf8")).toContain("clients  1");
  });
});

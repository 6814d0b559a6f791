/**
 * Writes src/storage/redis/scripts.ts from lua/*.lua, since tsc copies nothing but TypeScript. Run it after a change:
 * `npm exec -- node scripts/embed-lua.ts`. A test compares what is committed with what this makes.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../src/storage/redis/", import.meta.url));
const TARGET = `${FOLDER}scripts.ts`;

export function committed(): string {
  return readFileSync(TARGET, "utf8");
}

/** What the Lua files make. */
export function rendered(): string {
  const names = readdirSync(`${FOLDER}lua`)
    .filter((name) => name.endsWith(".lua"))
    .toSorted();
  return `/** Made from lua/*.lua by scripts/embed-lua.ts: do not edit. */
import { createHash } from "node:crypto";

/** A script and the digest that Redis knows it by. */
export interface Script {
  readonly name: string;
  readonly lua: string;
  readonly sha1: string;
}

function script(name: string, lua: string): Script {
  return { name, lua, sha1: createHash("sha1").update(lua).digest("hex") };
}
${names.map((name) => renderedScript(name)).join("")}`;
}

function renderedScript(file: string): string {
  // The header is for readers of the file.
  const lua = readFileSync(`${FOLDER}lua/${file}`, "utf8").replace(/^(--.*\n)+/, "");
  if (/`|\$\{/.test(lua)) throw new Error(`${file}: write it without back-ticks, which end a template literal`);
  const name = file.replace(/\.lua$/, "");
  const constant = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return `\nexport const ${constant} = script(\n  "${name}",\n  String.raw\`${lua}\`,\n);\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TARGET, rendered());

/** Whether files changed, by what is in them: times are too coarse, and a mounted Secret changes by swapping a link. */
import { createHash } from "node:crypto";
import { glob, readFile, stat } from "node:fs/promises";
import { MAX_FILE_BYTES } from "./config-disk.js";

/** A digest of the files' contents and of the names that match the patterns. Never rejects. */
export async function fingerprintFiles(files: readonly string[], patterns: readonly string[]): Promise<string> {
  const matches = await Promise.all(patterns.map(matching));
  const paths = [...new Set([...files, ...matches.flat().toSorted()])];
  const digests = await Promise.all(paths.map(digestOf));
  return createHash("sha256")
    .update(JSON.stringify(paths.map((path, index) => [path, digests[index]])))
    .digest("hex");
}

async function matching(pattern: string): Promise<readonly string[]> {
  const paths: string[] = [];
  try {
    for await (const path of glob(pattern)) paths.push(path);
  } catch {
    // A folder that cannot be read matches nothing; reading the settings says so.
  }
  return paths;
}

async function digestOf(path: string): Promise<string> {
  try {
    const found = await stat(path);
    // Reading a pipe would wait for a writer, for ever.
    if (!found.isFile() || found.size > MAX_FILE_BYTES) return "not read";
    return createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  } catch {
    return "missing";
  }
}

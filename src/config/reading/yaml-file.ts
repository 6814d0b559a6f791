/** One YAML document as plain values that know their lines. */
import { LineCounter, isNode, parseDocument } from "yaml";
import { type ConfigDisk, spellReadError } from "./disk.js";
import type { Findings, Source } from "./problem.js";

/** A document that was read. */
export interface YamlFile {
  readonly source: Source;
  /** Undefined or null if it is empty. */
  readonly value: unknown;
  /** Whether it could not be read, which has been reported then. */
  readonly isBroken: boolean;
}

/** Aliases are for small repeats. Each may be used this often: a few lines cannot grow into gigabytes. */
const MAX_ALIASES = 100;

/**
 * Reads and parses a file, and reports failures. Problems call it `name`. The parser's own messages quote the file,
 * which may hold a secret: only its error codes are reported.
 */
export function readYamlFile(path: string, name: string, disk: ConfigDisk, findings: Findings): YamlFile {
  findings.dependsOn(path);
  const nowhere: Source = { file: name, lineOf: () => undefined };
  let text: string;
  try {
    text = disk.read(path);
  } catch (error) {
    findings.problem({ source: nowhere, path: [] }, `cannot be read: ${spellReadError(error)}`);
    return { source: nowhere, value: undefined, isBroken: true };
  }
  return parseYaml(text, name, findings);
}

function parseYaml(text: string, file: string, findings: Findings): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const error of document.errors) {
    const line = lines.linePos(error.pos[0]).line;
    const what = error.code.toLowerCase().replaceAll("_", " ");
    findings.problem({ source: { file, lineOf: () => line }, path: [] }, `is not valid YAML: ${what}`);
  }
  const source: Source = {
    file,
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
      }
      return undefined;
    },
  };
  if (document.errors.length > 0) return { source, value: undefined, isBroken: true };
  try {
    return { source, value: document.toJS({ maxAliasCount: MAX_ALIASES }), isBroken: false };
  } catch {
    findings.problem({ source, path: [] }, "repeats itself too often by aliases (&name, *name)");
    return { source, value: undefined, isBroken: true };
  }
}

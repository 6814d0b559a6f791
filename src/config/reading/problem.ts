/** The problems of one reading, each with its place, the reason and an example. */

/** One problem. None of its strings ever holds a secret. */
export interface Problem {
  /** The file, or `environment`. */
  readonly file: string;
  /** Counted from 1; undefined where there is none. */
  readonly line: number | undefined;
  /** Such as `clients[2].secrets[0].sha256`, or a variable's name; empty: the whole file. */
  readonly path: string;
  readonly reason: string;
  /** A right value. */
  readonly example: string | undefined;
}

/** The steps from a document's root to a value. */
export type Path = readonly (string | number)[];

/** Something that settings are read from: a YAML file or the environment. */
export interface Source {
  readonly file: string;
  /** The line of the value at a path, or of the closest one around it. */
  lineOf(path: Path): number | undefined;
}

/** A value's place in a source. */
export interface Spot {
  readonly source: Source;
  readonly path: Path;
}

/** A place further inside. */
export function inside(spot: Spot, ...steps: Path): Spot {
  return { source: spot.source, path: [...spot.path, ...steps] };
}

/** Spells a path: `clients[2].secrets[0].sha256`. */
function spellPath(path: Path): string {
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("");
}

/** Spells a place for a sentence about another place: `clients.d/a.yaml: clients[0].id`. */
export function spellSpot({ source, path }: Spot): string {
  return path.length === 0 ? source.file : `${source.file}: ${spellPath(path)}`;
}

/** Collects the findings of one reading: all problems are reported together. */
export class Findings {
  readonly #problems: Problem[] = [];
  readonly #warnings: string[] = [];
  readonly #files = new Set<string>();

  /** A problem: the settings are refused. */
  problem(spot: Spot, reason: string, example?: string): void {
    const { source, path } = spot;
    this.#problems.push({ file: source.file, line: source.lineOf(path), path: spellPath(path), reason, example });
  }

  /** A warning: the settings stand. */
  warning(spot: Spot, reason: string): void {
    this.#warnings.push(`${spellSpot(spot)}: ${reason}`);
  }

  /** Remembers a file that the settings depend on, found or not: it is watched. */
  dependsOn(file: string): void {
    this.#files.add(file);
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  get files(): readonly string[] {
    return [...this.#files];
  }

  /** Throws `ConfigProblems` if there are any. */
  throwProblems(): void {
    if (this.#problems.length > 0) throw new ConfigProblems(inOrder(this.#problems), this.#warnings, this.files);
  }
}

/** File by file, from top to bottom, as a person goes through them. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map(({ file }) => file))];
  return problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || (a.line ?? Infinity) - (b.line ?? Infinity) || 0,
  );
}

/** Settings that were refused. The message lists every problem. */
export class ConfigProblems extends Error {
  override readonly name = "ConfigProblems";
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  /** The files that were read or sought: a change of one may be the cure. */
  readonly files: readonly string[];

  constructor(problems: readonly Problem[], warnings: readonly string[], files: readonly string[]) {
    super(problems.map(spellProblem).join("\n"));
    this.problems = problems;
    this.warnings = warnings;
    this.files = files;
  }
}

/** One problem for a person, its example on a line of its own. */
export function spellProblem({ file, line, path, reason, example }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}`;
  const what = path === "" ? reason : `${path} ${reason}`;
  return example === undefined ? `${place}: ${what}` : `${place}: ${what}\n    for example: ${example}`;
}

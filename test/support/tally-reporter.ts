/**
 * Names at the end what was skipped and what passed only at a second try. It keeps a tally in the file that
 * ICEMINT_TEST_TALLY names: a run that a time limit ends leaves its results so far, and the files that it did not reach.
 */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, SerializedError, TestCase, TestModule, TestSpecification } from "vitest/node";

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** A line for each suite or test that was skipped. */
  readonly skips: string[];
  /** Tests that failed first. */
  readonly secondTries: string[];
  /** Files that have not ended. */
  left: readonly string[];
}

export default class TallyReporter implements Reporter {
  readonly #tally: Tally = { passed: 0, failed: 0, skipped: 0, skips: [], secondTries: [], left: [] };

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#tally.left = specifications.map(({ moduleId }) => named(moduleId));
    this.#write();
  }

  onTestModuleEnd(module: TestModule): void {
    const file = named(module.moduleId);
    count(module, file, this.#tally);
    this.#tally.left = this.#tally.left.filter((each) => each !== file);
    this.#write();
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#tally.failed += unhandled.length;
    this.#write();
    for (const line of this.#tally.skips) console.log(`skipped: ${line}`);
    for (const line of this.#tally.secondTries) console.log(`passed at the second try only: ${line}`);
  }

  #write(): void {
    const file = process.env["ICEMINT_TEST_TALLY"];
    if (file !== undefined) writeFileSync(file, JSON.stringify(this.#tally));
  }
}

/** Adds what a file came to. Tests that are skipped for one reason are one line. */
function count(module: TestModule, file: string, tally: Tally): void {
  const skips = new Map<string, number>();
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === "passed") {
      tally.passed += 1;
      if (test.diagnostic()?.flaky === true) tally.secondTries.push(`${file}: ${test.fullName}`);
    } else if (state === "failed") tally.failed += 1;
    else {
      tally.skipped += 1;
      const what = skipOf(test);
      skips.set(what, (skips.get(what) ?? 0) + 1);
    }
  }
  tally.failed += module.errors().length; // such as an import that failed
  for (const [what, times] of skips) tally.skips.push(`${file}: ${what}${times > 1 ? `, ${times} tests` : ""}`);
}

/** The name as far as it says why, and what the test itself said. */
function skipOf(test: TestCase): string {
  const [upToReason = test.fullName] = /^.*\(skipped: .*?\)(?= >|$)/.exec(test.fullName) ?? [];
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return note === undefined ? upToReason : `${upToReason} (${note})`;
}

function named(moduleId: string): string {
  return relative(process.cwd(), moduleId);
}

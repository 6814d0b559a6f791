/** Builds the version before this one, to run beside it. */
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

export interface BuiltVersion {
  readonly name: string;
  /** Its `main.js`. */
  readonly program: string;
}

/**
 * The commit that is asked for, else the last tag; without tags the commit before the last one that changed the program.
 * Undefined where there is no such history. `stack` removes it in the end.
 */
export function buildPreviousVersion(
  folder: string,
  stack: AsyncDisposableStack,
  asked: string | undefined,
): BuiltVersion | undefined {
  try {
    const commit = asked ?? previousCommit();
    if (commit === undefined) return undefined;
    const tree = join(folder, "previous");
    git("worktree", "add", "--detach", tree, commit);
    stack.defer(() => {
      git("worktree", "remove", "--force", tree);
    });
    symlinkSync(resolve("node_modules"), join(tree, "node_modules"));
    execFileSync(join(tree, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], { cwd: tree, stdio: "ignore" });
    return { name: git("log", "-1", "--format=%h of %cs", commit), program: join(tree, "dist/main.js") };
  } catch {
    return undefined; // no git, a shallow clone, or a commit that does not build
  }
}

function previousCommit(): string | undefined {
  const tags = git("tag", "--merged", "HEAD~1", "--sort=-creatordate").split("\n");
  const commits = git("log", "-2", "--format=%H", "--", "src", "package-lock.json").split("\n");
  return [tags[0], commits[1]].find((found) => found !== undefined && found !== "");
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}

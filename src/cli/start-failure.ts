import { ConfigProblems, spellProblem } from "../config/reading/problem.js";

/** Why a server does not start: one line, or one for each problem of the settings. */
export function startFailure(error: unknown): string {
  if (error instanceof ConfigProblems) {
    return `icemint: the settings cannot be used:\n${error.problems.map((problem) => `${spellProblem(problem)}\n`).join("")}`;
  }
  if (!(error instanceof Error)) return `icemint: ${String(error)}\n`;
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE" && "address" in error && "port" in error) {
    return (
      `icemint: ${String(error.address)}:${String(error.port)} is in use. Stop what listens there, or choose another ` +
      "address with ICEMINT_LISTEN (or ICEMINT_ADMIN_LISTEN), such as 127.0.0.1:8182.\n"
    );
  }
  return `icemint: ${error.message}\n`;
}

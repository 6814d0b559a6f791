import { onTestFinished } from "vitest";
import { createJudge, type Judge } from "../../../src/edge/inbound/judge.js";
import type { Rule } from "../../../src/edge/inbound/rules.js";
import { type LoadedVerifier, loadedVerifier } from "./loaded-verifier.js";

export interface Judged extends LoadedVerifier {
  readonly judge: Judge;
}

export async function judged(rules: readonly Rule[] = [], ready = true): Promise<Judged> {
  const loaded = await loadedVerifier(ready);
  const { verifier } = loaded;
  onTestFinished(() => verifier.close());
  const onFault = (error: unknown): void => {
    throw error;
  };
  return { ...loaded, judge: createJudge({ verifier, rules, onFault }) };
}

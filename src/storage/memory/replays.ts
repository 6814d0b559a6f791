import type { Clock } from "../../time/clock.js";
import type { Replays } from "../replays.js";
import { createSweeper } from "./sweeper.js";

/** Ids used in this process. */
export function createMemoryReplays({ clock }: { clock: Clock }): Replays {
  const usedUntil = new Map<string, number>();
  const sweep = createSweeper(usedUntil, (until) => until <= clock());
  return {
    async firstUse(id, expiresAt) {
      sweep();
      if ((usedUntil.get(id) ?? 0) > clock()) return false;
      usedUntil.set(id, expiresAt);
      return true;
    },
  };
}

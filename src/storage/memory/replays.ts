import type { Clock } from "../../time/clock.js";
import type { ReplayPurpose, Replays } from "../replays.js";
import { createSweeper } from "./sweeper.js";

/** Ids used in this process. */
export function createMemoryReplays({ clock }: { clock: Clock }): Replays {
  const uses = new Map<string, { readonly purpose: ReplayPurpose; readonly until: number }>();
  const sweep = createSweeper(uses, ({ until }) => until <= clock());
  return {
    async use(id, purpose, expiresAt) {
      sweep();
      const known = uses.get(id);
      if (known !== undefined && known.until > clock())
        return known.purpose === purpose ? "repeated" : "used_otherwise";
      uses.set(id, { purpose, until: expiresAt });
      return "first";
    },
  };
}

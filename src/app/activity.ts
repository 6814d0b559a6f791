/** What operators see: this replica notes what clients do, shares it, and looks at what all replicas know. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { ClientActivity } from "../clients/activity.js";
import { findClient } from "../clients/client-registry.js";
import { type OperatorView, createOperatorView } from "../endpoints/operator-view.js";
import type { Log } from "../oauth/log.js";
import type { Clock } from "../time/clock.js";
import type { Part } from "../transport/admin.js";
import type { LiveSettings } from "./live-settings.js";
import type { SharedState } from "./shared-state.js";

export interface ActivitySources {
  readonly state: Pick<SharedState, "storage" | "table">;
  readonly settings: LiveSettings;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Log;
  readonly parts: () => readonly Part[];
}

export function createActivity({
  state: { storage, table },
  settings,
  version,
  clock,
  logger,
  parts,
}: ActivitySources): {
  readonly activity: ClientActivity;
  readonly operatorView: OperatorView;
} {
  const startedAt = clock();
  const activity = new ClientActivity({
    store: storage.activity,
    clock,
    log: logger,
    replica: randomBytes(6).toString("base64url"),
    describe: () => ({
      name: hostname(),
      version,
      startedAt,
      settingsDigest: settings.digest,
      state: worstOf(parts()),
    }),
    isClient: (id) => findClient(settings.current, id) !== undefined,
  });
  const operatorView = createOperatorView({ registry: settings, activity, revocations: table, clock });
  return { activity, operatorView };
}

function worstOf(parts: readonly Part[]): Part["state"] {
  if (parts.some(({ state }) => state === "failing")) return "failing";
  return parts.some(({ state }) => state === "degraded") ? "degraded" : "ok";
}

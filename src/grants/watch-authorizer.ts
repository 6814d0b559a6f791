/** Who may follow revocations and who may change keys. */
import type { WatchAuthorizer } from "./endpoints.js";
import { type CallerDependencies, identifyCaller, requireCredentials, requirePermission } from "./permission.js";

/** Makes the authorizer. */
export function createWatchAuthorizer(dependencies: CallerDependencies): WatchAuthorizer {
  return {
    async authorizeWatch(request) {
      const { client } = await identifyCaller(request, dependencies);
      requirePermission(client, "watch_revocations");
    },
    async authorizeKeyChange(request) {
      const caller = await identifyCaller(request, dependencies);
      requirePermission(caller.client, "rotate_keys");
      requireCredentials(caller, "Managing keys");
      return caller.client.id;
    },
  };
}

/** Authorizes followers of revocations and changes of keys. */
import { type IdentifyCaller, requireCredentials, requirePermission } from "./permission.js";
import type { CallerRequest } from "../oauth/request.js";

/** Who may follow the stream of revocations. */
export interface WatchAuthorizer {
  /** Throws unless the caller is a client with permission `watch_revocations`. */
  authorizeWatch(request: CallerRequest): Promise<void>;
  /** Throws unless the caller is a client with permission `rotate_keys`, by its own credentials. Returns its id. */
  authorizeKeyChange(request: CallerRequest): Promise<string>;
}

export function createWatchAuthorizer(identifyCaller: IdentifyCaller): WatchAuthorizer {
  return {
    async authorizeWatch(request) {
      const { client } = await identifyCaller(request);
      requirePermission(client, "watch_revocations");
    },
    async authorizeKeyChange(request) {
      const caller = await identifyCaller(request);
      requirePermission(caller.client, "rotate_keys");
      requireCredentials(caller, "Managing keys");
      return caller.client.id;
    },
  };
}

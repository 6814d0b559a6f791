/** The requests of operators and verifiers: who may ask, and the record of every decision. */
import type { Permission } from "../clients/client.js";
import { toOAuthError } from "../oauth/error.js";
import { type Events, type OperationName, newAsker } from "../oauth/events.js";
import type { CallerRequest } from "../oauth/request.js";
import { type IdentifyCaller, noteCaller, permissionMissing, requireCredentials } from "./permission.js";

export interface Operators {
  /**
   * Does the work for a caller that may have it done, and audits the decision once. `about` names what it is about, or
   * what came of it. Rejects with `OAuthError`.
   */
  run<Result>(
    operation: OperationName,
    request: CallerRequest,
    work: () => Result | Promise<Result>,
    about?: string | ((result: Result) => string),
  ): Promise<Result>;
}

interface Rule {
  /** Any of them will do. */
  readonly permissions: readonly [Permission, ...Permission[]];
  /** Whether a stolen token must not do this. */
  readonly needsCredentials: boolean;
}

const RULES: Readonly<Record<OperationName, Rule>> = {
  list_keys: { permissions: ["observe", "rotate_keys"], needsCredentials: false },
  rotate_keys: { permissions: ["rotate_keys"], needsCredentials: true },
  revoke_key: { permissions: ["rotate_keys"], needsCredentials: true },
  watch_revocations: { permissions: ["watch_revocations"], needsCredentials: false },
  list_clients: { permissions: ["observe"], needsCredentials: false },
  list_revocations: { permissions: ["observe"], needsCredentials: false },
  view_status: { permissions: ["observe"], needsCredentials: false },
};

export function createOperators({
  identifyCaller,
  events,
}: {
  readonly identifyCaller: IdentifyCaller;
  readonly events: Events;
}): Operators {
  return {
    async run(operation, request, work, about) {
      const asker = newAsker(request.caller);
      try {
        const caller = await identifyCaller(request);
        noteCaller(asker, caller);
        const { permissions, needsCredentials } = RULES[operation];
        const held = permissions.find((permission) => caller.client.permissions.has(permission));
        if (held === undefined) throw permissionMissing(caller.client.id, permissions[0]);
        if (needsCredentials) requireCredentials(caller, "Managing keys");
        const result = await work();
        events.operated(asker, operation, typeof about === "function" ? about(result) : about);
        return result;
      } catch (thrown) {
        const error = toOAuthError(thrown);
        events.operationRefused(asker, operation, typeof about === "string" ? about : undefined, error);
        throw error;
      }
    },
  };
}

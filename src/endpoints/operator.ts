/** The requests of operators and verifiers: who may ask, and the record of every decision. */
import type { Permission } from "../clients/client.js";
import { toOAuthError } from "../oauth/error.js";
import { type Events, type OperationName, newAsker } from "../oauth/events.js";
import type { CallerRequest } from "../oauth/request.js";
import { type IdentifyCaller, noteCaller, requireCredentials, requirePermission } from "./permission.js";

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
  readonly permission: Permission;
  /** Whether a stolen token must not do this. */
  readonly needsCredentials: boolean;
}

const RULES: Readonly<Record<OperationName, Rule>> = {
  list_keys: { permission: "rotate_keys", needsCredentials: true },
  rotate_keys: { permission: "rotate_keys", needsCredentials: true },
  revoke_key: { permission: "rotate_keys", needsCredentials: true },
  watch_revocations: { permission: "watch_revocations", needsCredentials: false },
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
        const { permission, needsCredentials } = RULES[operation];
        requirePermission(caller.client, permission);
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

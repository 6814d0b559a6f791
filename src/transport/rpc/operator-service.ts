/** `OperatorService`: what an operator looks at, as messages. Decides nothing. */
import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { Operators } from "../../endpoints/operator.js";
import type { ClientView, OperatorView } from "../../endpoints/operator-view.js";
import {
  ListClientsResponseSchema,
  ListRevocationsResponseSchema,
  type ObservedClientSchema,
  type OperatorService,
  type RevocationInForceSchema,
} from "../../gen/icemint/v1/operator_service_pb.js";
import { invalidRequest } from "../../oauth/error.js";
import { type Revocation, nameOf } from "../../oauth/revocation.js";
import type { Admission } from "../admission.js";
import { MAX_VALUE_LENGTH } from "../limits.js";
import { atMost, callerRequest } from "./mapping.js";
import { method } from "./services.js";

export interface OperatorServiceOptions {
  readonly operators: Operators;
  readonly operatorView: OperatorView;
  readonly admission: Admission;
}

const DEFAULT_PAGE = 200;
/** A page of clients with many scopes stays within the size of an answer. */
const MOST_CLIENTS = 500;
const MOST_REVOCATIONS = 1000;

export function createOperatorService(options: OperatorServiceOptions): ServiceImpl<typeof OperatorService> {
  const { operators, operatorView, admission } = options;
  return {
    listClients: method(admission, {
      endpoint: "list_clients",
      read: ({ message, call }) => ({
        request: callerRequest(call),
        asked: {
          atMost: pageSize(message.pageSize, MOST_CLIENTS),
          after: atMost(message.pageToken, MAX_VALUE_LENGTH, "page_token") || undefined,
          expiringWithinMs: message.expiringWithin && durationMs(message.expiringWithin),
        },
      }),
      work: ({ request, asked }) => operators.run("list_clients", request, () => operatorView.clients(asked)),
      show: ({ clients, next, usesSince }) =>
        create(ListClientsResponseSchema, {
          clients: clients.map(fromClient),
          nextPageToken: next ?? "",
          ...(usesSince !== undefined && { usesRecordedSince: timestampFromMs(usesSince) }),
        }),
    }),
    listRevocations: method(admission, {
      endpoint: "list_revocations",
      read: ({ message, call }) => ({
        request: callerRequest(call),
        most: pageSize(message.pageSize, MOST_REVOCATIONS),
      }),
      work: ({ request, most }) => operators.run("list_revocations", request, () => operatorView.revocations(most)),
      show: ({ revocations, counts }) =>
        create(ListRevocationsResponseSchema, {
          revocations: revocations.map(fromRevocation),
          counts: Array.from(counts, ([kind, count]) => ({ kind, count: BigInt(count) })),
        }),
    }),
  };
}

function pageSize(asked: number, most: number): number {
  if (asked < 0 || asked > most) throw invalidRequest("PARAMETER_INVALID", `page_size is not 0 to ${most}.`);
  return asked === 0 ? DEFAULT_PAGE : asked;
}

function fromClient({
  client,
  secrets,
  lastTokenAt,
  refusals,
}: ClientView): MessageInitShape<typeof ObservedClientSchema> {
  return {
    id: client.id,
    name: client.name ?? "",
    disabled: client.disabled,
    workload: client.workload?.rule ?? "",
    grants: [...client.grants],
    scopes: [...client.scopes.allowed],
    audiences: [...client.audiences.allowed],
    permissions: [...client.permissions],
    hasKeys: client.keys !== undefined,
    federated: client.federated.map(({ issuer, subject }) => `${issuer} ${subject}`),
    secrets: secrets.map(({ name, expiresAt, lastUsedAt }) => ({
      name,
      ...(expiresAt !== undefined && { expireTime: timestampFromMs(expiresAt) }),
      ...(lastUsedAt !== undefined && { lastUseTime: timestampFromMs(lastUsedAt) }),
    })),
    ...(lastTokenAt !== undefined && { lastTokenTime: timestampFromMs(lastTokenAt) }),
    refusals: refusals.map(({ reason, count }) => ({ reason, count: BigInt(count) })),
  };
}

function fromRevocation(revocation: Revocation): MessageInitShape<typeof RevocationInForceSchema> {
  return {
    kind: revocation.kind,
    id: revocation.kind === "everything" ? "" : nameOf(revocation),
    ...("notBefore" in revocation && { notBeforeTime: timestampFromMs(revocation.notBefore) }),
    expireTime: timestampFromMs(revocation.expiresAt),
  };
}

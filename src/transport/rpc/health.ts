/** `grpc.health.v1.Health`: whether this replica serves. The name "" is the whole server. */
import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { HealthCheckResponse_ServingStatus as Status, type Health } from "../../gen/grpc/health/v1/health_pb.js";
import { withErrorInfo } from "./errors.js";
import { rpcCallOf } from "./rpc-server.js";
import type { EndlessStreams } from "./endless-streams.js";
import { ServingState } from "./serving-state.js";

export interface HealthOptions {
  /** A caller may ask about these services. */
  readonly services: readonly DescService[];
  /** Whether the replica may serve now. */
  readonly serving: () => boolean;
  readonly streams: Pick<EndlessStreams, "endOf">;
}

export function createHealth({ services, serving, streams }: HealthOptions): ServiceImpl<typeof Health> {
  const state = new ServingState(serving);
  const names = new Set(["", ...services.map(({ typeName }) => typeName)]);
  const current = () => (state.current ? Status.SERVING : Status.NOT_SERVING);

  return {
    check({ service }) {
      if (!names.has(service)) throw withErrorInfo(new ConnectError("This service is not known.", Code.NotFound));
      return { status: current() };
    },
    list() {
      return { statuses: Object.fromEntries([...names].map((name) => [name, { status: current() }])) };
    },
    async *watch({ service }, context) {
      const { arrival } = rpcCallOf(context);
      const ended = AbortSignal.any([context.signal, streams.endOf(arrival)]);
      let last: Status | undefined;
      while (!ended.aborted) {
        const isServing = state.current;
        const status = names.has(service) ? current() : Status.SERVICE_UNKNOWN;
        if (status !== last) yield { status };
        last = status;
        await state.changed(isServing, ended);
      }
      if (names.has(service) && !state.current && last !== Status.NOT_SERVING) yield { status: Status.NOT_SERVING };
      throw withErrorInfo(new ConnectError("The server ends this connection. Watch on another one.", Code.Unavailable));
    },
  };
}

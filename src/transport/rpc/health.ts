/** `grpc.health.v1.Health`: whether this replica serves. The name "" is the whole server. */
import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { HealthCheckResponse_ServingStatus as Status, type Health } from "../../gen/grpc/health/v1/health_pb.js";
import { withErrorInfo } from "./errors.js";
import { pause } from "./pause.js";

/** What health checks are answered from. */
export interface HealthOptions {
  /** The services that can be asked about. */
  readonly services: readonly DescService[];
  /** Whether the replica may serve now: asked at every check, and every `watchIntervalMs` for those who watch. */
  readonly serving: () => boolean;
  /** Ends the streams of those who watch. */
  readonly shutdown: AbortSignal;
  readonly watchIntervalMs?: number;
}

/** Makes the service. */
export function createHealth({
  services,
  serving,
  shutdown,
  watchIntervalMs = 250,
}: HealthOptions): ServiceImpl<typeof Health> {
  const names = new Set(["", ...services.map(({ typeName }) => typeName)]);
  const current = () => (serving() ? Status.SERVING : Status.NOT_SERVING);

  return {
    check({ service }) {
      if (!names.has(service)) throw withErrorInfo(new ConnectError("This service is not known.", Code.NotFound));
      return { status: current() };
    },
    list() {
      return { statuses: Object.fromEntries([...names].map((name) => [name, { status: current() }])) };
    },
    async *watch({ service }, { signal }) {
      const ended = AbortSignal.any([signal, shutdown]);
      let last: Status | undefined;
      for (let going = true; going; going = !ended.aborted) {
        const status = names.has(service) ? current() : Status.SERVICE_UNKNOWN;
        if (status !== last) yield { status };
        last = status;
        await pause(watchIntervalMs, ended);
      }
      if (names.has(service) && serving()) yield { status: Status.NOT_SERVING };
      throw withErrorInfo(new ConnectError("The server is going away. Watch another one.", Code.Unavailable));
    },
  };
}

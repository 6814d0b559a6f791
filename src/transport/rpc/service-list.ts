import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";

/** Whether a method takes or gives one message or many. */
export type MethodKind = DescMethod["methodKind"];

/** Services with what implements them: the one list that the fast lane, the stock road and reflection are made from. */
export type ServiceList = readonly (readonly [DescService, Partial<ServiceImpl<DescService>>])[];

/** One entry of the list, its types checked against each other. */
export function serve<Service extends DescService>(
  service: Service,
  implementation: Partial<ServiceImpl<Service>>,
): readonly [Service, Partial<ServiceImpl<Service>>] {
  return [service, implementation];
}

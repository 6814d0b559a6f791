import type { DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";

/** Services with their implementations. The fast lane and the stock road are made from this one list. */
export type ServiceList = readonly (readonly [DescService, Partial<ServiceImpl<DescService>>])[];

/** Checks the types of a service and its implementation against each other. */
export function serve<Service extends DescService>(
  service: Service,
  implementation: Partial<ServiceImpl<Service>>,
): readonly [Service, Partial<ServiceImpl<Service>>] {
  return [service, implementation];
}

/** What `icemint/proto` exports: the messages and services of `proto/icemint`, and the details that errors carry. */
export * from "./gen/icemint/v1/error_reason_pb.js";
export * from "./gen/icemint/v1/key_service_pb.js";
export * from "./gen/icemint/v1/operator_service_pb.js";
export * from "./gen/icemint/v1/token_service_pb.js";
export {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
  type BadRequest,
  type ErrorInfo,
  type RetryInfo,
} from "./gen/google/rpc/error_details_pb.js";

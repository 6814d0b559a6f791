/** `grpc.reflection.v1` and `v1alpha`: tools such as grpcurl learn the services without .proto files. */
import { toBinary, type DescEnum, type DescFile, type DescMessage, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import type {
  ServerReflection as ReflectionV1,
  ServerReflectionRequest as RequestV1,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import type {
  ServerReflection as ReflectionV1Alpha,
  ServerReflectionRequest as RequestV1Alpha,
} from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";

/** The messages of both versions have the same fields. */
export interface Reflection {
  readonly v1: ServiceImpl<typeof ReflectionV1>;
  readonly v1alpha: ServiceImpl<typeof ReflectionV1Alpha>;
}

type Question = Pick<RequestV1 | RequestV1Alpha, "host" | "messageRequest">;

/** `others` are files that no service imports, such as those of error details. */
export function createReflection(services: readonly DescService[], others: readonly DescFile[]): Reflection {
  const files = new Map<string, DescFile>();
  for (const file of others) collect(file, files);
  for (const service of services) collect(service.file, files);
  const symbols = new Map<string, DescFile>();
  for (const file of files.values()) index(file, symbols);

  function answer({ messageRequest: asked }: Question) {
    if (asked.case === "listServices") return listed(services);
    if (asked.case === "fileByFilename") return described(files.get(asked.value));
    if (asked.case === "fileContainingSymbol") return described(symbols.get(asked.value));
    return NOT_FOUND; // the other questions are about extensions, which proto3 does not have
  }

  async function* serverReflectionInfo<Request extends Question>(requests: AsyncIterable<Request>) {
    for await (const request of requests) {
      yield { validHost: request.host, originalRequest: request, messageResponse: answer(request) };
    }
  }
  return { v1: { serverReflectionInfo }, v1alpha: { serverReflectionInfo } };
}

const NOT_FOUND = {
  case: "errorResponse" as const,
  value: { errorCode: Code.NotFound, errorMessage: "not found" },
};

function listed(services: readonly DescService[]) {
  return {
    case: "listServicesResponse" as const,
    value: { service: services.map(({ typeName }) => ({ name: typeName })) },
  };
}

/** A file with all its imports: one answer is then enough. */
function described(file: DescFile | undefined) {
  if (file === undefined) return NOT_FOUND;
  const closure = new Map<string, DescFile>();
  collect(file, closure);
  const fileDescriptorProto = [...closure.values()].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto } };
}

function collect(file: DescFile, into: Map<string, DescFile>): void {
  if (into.has(file.proto.name)) return;
  into.set(file.proto.name, file);
  for (const dependency of file.dependencies) collect(dependency, into);
}

function index(file: DescFile, symbols: Map<string, DescFile>): void {
  const addEnum = (desc: DescEnum) => {
    symbols.set(desc.typeName, file);
    const scope = desc.typeName.slice(0, desc.typeName.lastIndexOf(".") + 1);
    for (const { name } of desc.values) symbols.set(scope + name, file); // enum values live beside their enum
  };
  const addMessage = (desc: DescMessage) => {
    symbols.set(desc.typeName, file);
    for (const { name } of desc.fields) symbols.set(`${desc.typeName}.${name}`, file);
    for (const nested of desc.nestedMessages) addMessage(nested);
    for (const nested of desc.nestedEnums) addEnum(nested);
  };
  for (const desc of file.messages) addMessage(desc);
  for (const desc of file.enums) addEnum(desc);
  for (const desc of file.services) {
    symbols.set(desc.typeName, file);
    for (const { name } of desc.methods) symbols.set(`${desc.typeName}.${name}`, file);
  }
}

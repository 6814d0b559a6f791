/** `@grpc/grpc-js`, the usual gRPC server of Node, the same work behind it. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { grpcAnswer } from "./grpc-answer.js";

const definition = loadSync("icemint/v1/token_service.proto", { includeDirs: ["proto"], defaults: true, oneofs: true });
const service = definition["icemint.v1.TokenService"];
if (service === undefined || "format" in service) throw new Error("no such service");
const server = new Server();
server.addService(service, {
  GetToken: (
    call: { request: { clientId: string; clientSecret: string; scope: string } },
    done: (error: null, answer: object) => void,
  ) => done(null, grpcAnswer(call.request)),
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`listening ${port}`);
});

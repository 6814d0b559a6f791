/** The floor below gRPC: a bare `node:http2` server that knows one method and no failure. */
import { createServer } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { GetTokenRequestSchema, GetTokenResponseSchema } from "../../src/gen/icemint/v1/token_service_pb.js";
import { announce } from "./announce.js";
import { grpcAnswer } from "./grpc-answer.js";

const PREFIX_BYTES = 5;

const server = createServer();
server.on("stream", (stream) => {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => {
    const request = fromBinary(GetTokenRequestSchema, Buffer.concat(chunks).subarray(PREFIX_BYTES));
    const message = toBinary(GetTokenResponseSchema, create(GetTokenResponseSchema, grpcAnswer(request)));
    const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, PREFIX_BYTES);
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
    stream.end(framed);
  });
});
announce(server);

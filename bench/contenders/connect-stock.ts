/** Stock connect-node over cleartext HTTP/2, the same work behind it. */
import { createServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { announce } from "./announce.js";
import { grpcAnswer } from "./grpc-answer.js";

announce(
  createServer(
    connectNodeAdapter({
      readMaxBytes: 65_536,
      routes: (router) => router.service(TokenService, { getToken: (request) => grpcAnswer(request) }),
    }),
  ),
);

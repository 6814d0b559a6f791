/**
 * The program that `connectconformance` starts: the conformance service on this project's own stack, from the listening
 * port to the two RPC roads. It reads one `ServerCompatRequest` and writes one `ServerCompatResponse`, each as a 4-byte
 * length and that many bytes; nothing else may reach its standard output. SIGTERM ends it.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { pooledRandomId } from "../../src/crypto/random-id.js";
import { silentLogger } from "../../src/telemetry/logger.js";
import { createCallerFactory } from "../../src/transport/caller.js";
import { Http1Side } from "../../src/transport/http1-side.js";
import { Http2Side } from "../../src/transport/http2-side.js";
import { OnePort } from "../../src/transport/one-port.js";
import { Pace } from "../../src/transport/pace.js";
import { createAddressResolver } from "../../src/transport/peer-address.js";
import { createRpcServer } from "../../src/transport/rpc/rpc-server.js";
import { serve } from "../../src/transport/rpc/service-list.js";
import { AddressLimit } from "../../src/transport/address-limit.js";
import { Departures } from "../../src/transport/connection-age.js";
import type { Exchange } from "../../src/transport/exchange.js";
import { UnderWay } from "../../src/transport/under-way.js";
import { Batch } from "../../src/transport/batch.js";
import { parseTarget } from "../../src/transport/dispatcher.js";
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/server_compat_pb.js";
import { ConformanceService } from "./gen/connectrpc/conformance/v1/service_pb.js";
import { conformanceService, requestTypes } from "./conformance-service.js";

async function readMessage(): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) break;
  }
  return bytes.subarray(4, 4 + bytes.readUInt32BE(0));
}

const wanted = fromBinary(ServerCompatRequestSchema, await readMessage());
if (wanted.useTls) throw new Error("TLS is not part of this run");

const underWay = new UnderWay({ maxBytes: 1024 * 1024 * 1024, halfMs: 30_000, collector: { young() {}, all() {} } });
const fail = (error: unknown): never => {
  throw error; // a fault ends the run
};
const ages = {
  retireAt: () => Infinity,
  graceMs: 30_000,
  departures: new Departures(),
  onFault: (_place: string, error: unknown) => fail(error),
  clock: Date.now,
};

const rpc = createRpcServer({
  services: [serve(ConformanceService, conformanceService)],
  callerOf: createCallerFactory(pooledRandomId(), createAddressResolver([])),
  corsOrigins: [],
  underWay,
  admits: () => true,
  hasPlace: () => true,
  pace: new Pace((_exchange, error) => fail(error)),
  batch: new Batch<Exchange>((_exchange, error) => fail(error)),
  logger: silentLogger,
  jsonOptions: { registry: requestTypes },
  describe: (error) => error, // the suite wants no details that it did not ask for
});

const http1 = new Http1Side({
  onRequest(request, response) {
    const { path } = parseTarget(request.url ?? "");
    const { headers, rawHeaders } = request;
    const exchange = underWay.begin({ headers, rawHeaders, peerAddress: undefined }, response);
    if (!rpc.takeRequest(request, response, path, exchange)) response.writeHead(404).end();
  },
  malformedAnswer: (status) => `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  timeouts: { headersMs: 10_000, requestMs: 30_000, keepAliveMs: 65_000 },
  ...ages,
});
const http2 = new Http2Side({
  onStream(stream, headers, flags, rawHeaders) {
    stream.on("error", () => {});
    const { path } = parseTarget(headers[":path"] ?? "");
    const exchange = underWay.begin({ headers, rawHeaders, peerAddress: undefined }, stream);
    const taken = rpc.takeStream(stream, path, exchange, { headers, flags, rawHeaders });
    if (!taken) stream.respond({ ":status": 404 }, { endStream: true });
  },
  ...ages,
  lingerMs: 0,
});

const port = new OnePort({
  http1,
  http2,
  sniffTimeoutMs: 10_000,
  maxConnections: 10_000,
  perAddress: new AddressLimit(10_000, []),
  onFault: ages.onFault,
});
const { address, port: number } = await port.listen(0, "127.0.0.1");
const reply = toBinary(ServerCompatResponseSchema, create(ServerCompatResponseSchema, { host: address, port: number }));
const size = Buffer.alloc(4);
size.writeUInt32BE(reply.length);
process.stdout.write(Buffer.concat([size, reply]));
process.on("SIGTERM", () => process.exit(0));

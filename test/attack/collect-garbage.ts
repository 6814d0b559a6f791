/** Loaded into a server by `--import`: collects garbage as each HTTP/2 stream ends, in the midst of a turn of the loop. */
import http2 from "node:http2";

const { createServer } = http2;
http2.createServer = ((...options: Parameters<typeof createServer>) => {
  const server = createServer(...options);
  return server.on("stream", (stream) => stream.once("close", () => globalThis.gc?.()));
}) as typeof createServer;

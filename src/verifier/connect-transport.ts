import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

const MAX_MESSAGE_BYTES = 1024 * 1024;

/** HTTP/1.1 passes every proxy, and each call has its own connection, which ends with it. */
export function connectTransport(baseUrl: string, ca: string | undefined): Transport {
  return createConnectTransport({
    baseUrl,
    httpVersion: "1.1",
    nodeOptions: { agent: false, ...(ca !== undefined && { ca }) },
    acceptCompression: [],
    readMaxBytes: MAX_MESSAGE_BYTES,
  });
}

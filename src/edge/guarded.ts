import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Logger } from "../telemetry/logger.js";

/** A fault of ours ends its own request only. The caller learns nothing of it. */
export function guarded(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void,
  logger: Pick<Logger, "error">,
): RequestListener {
  return (request, response) => {
    // A caller that goes away.
    request.on("error", () => {});
    response.on("error", () => {});
    const handled = new Promise<void>((done) => done(handle(request, response)));
    handled.catch((error: unknown) => {
      if (request.destroyed && !request.complete) return;
      logger.error("a request failed: an error that nothing handled", { err: error });
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { "Content-Length": 0 }).end();
    });
  };
}

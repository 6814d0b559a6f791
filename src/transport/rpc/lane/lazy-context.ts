import { Code, ConnectError, type ContextValues, type HandlerContext } from "@connectrpc/connect";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { IncomingHttpHeaders } from "node:http";
import type { Exchange } from "../../exchange.js";

export interface CallOrigin {
  readonly arrival: Exchange;
  readonly path: string;
  /** Calls back if the caller goes away before it has its answer. */
  readonly onGone: (gone: () => void) => void;
}

/**
 * A handler's context that makes Headers and an AbortSignal only on demand. Stock Connect makes four Headers and three
 * AbortSignals for each call, which is most of its cost.
 */
export class LazyContext implements HandlerContext {
  readonly service: DescService;
  readonly method: DescMethod;
  readonly protocolName: string;
  readonly requestMethod = "POST";
  readonly values: ContextValues;
  /** Milliseconds since the epoch. */
  deadline: number | undefined;
  readonly #origin: CallOrigin;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #abort: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(method: DescMethod, protocolName: string, values: ContextValues, origin: CallOrigin) {
    this.service = method.parent;
    this.method = method;
    this.protocolName = protocolName;
    this.values = values;
    this.#origin = origin;
  }

  timeoutMs(): number | undefined {
    return this.deadline === undefined ? undefined : this.deadline - Date.now();
  }

  get url(): string {
    const { arrival, path } = this.#origin;
    return `http://${String(arrival.headers[":authority"] ?? arrival.headers.host)}${path}`;
  }

  get requestHeader(): Headers {
    return (this.#requestHeader ??= toWebHeaders(this.#origin.arrival.headers));
  }

  get responseHeader(): Headers {
    return (this.#responseHeader ??= new Headers());
  }

  get responseTrailer(): Headers {
    return (this.#responseTrailer ??= new Headers());
  }

  get signal(): AbortSignal {
    this.#abort ??= this.#armedAbort();
    return this.#abort.signal;
  }

  /** Undefined unless the handler set headers. */
  get sentHeader(): Headers | undefined {
    return this.#responseHeader;
  }

  /** Undefined unless the handler set trailers. */
  get sentTrailer(): Headers | undefined {
    return this.#responseTrailer;
  }

  isLate(): boolean {
    return this.deadline !== undefined && Date.now() > this.deadline;
  }

  /** Ends the call. Its signal aborts, as in stock Connect. */
  done(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  #armedAbort(): AbortController {
    const controller = new AbortController();
    if (this.#over) {
      controller.abort();
      return controller;
    }
    this.#origin.onGone(() => controller.abort(new ConnectError("the caller went away", Code.Canceled)));
    if (this.deadline !== undefined) {
      const late = () => controller.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
      this.#timer = setTimeout(late, Math.max(0, this.deadline - Date.now()));
    }
    return controller;
  }
}

function toWebHeaders(headers: IncomingHttpHeaders): Headers {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) web.append(name, one);
  }
  return web;
}

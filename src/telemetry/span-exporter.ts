/**
 * Sends finished spans to an OpenTelemetry collector (OTLP over HTTP, JSON encoding). Small on purpose: the official
 * SDK brings some twenty packages and context tracking on every asynchronous step, for one span a request. Bounded:
 * spans that a slow collector does not take are dropped and counted.
 */
import type { Logger } from "./logger.js";

/** Attribute values by their OpenTelemetry name. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** A finished server span. Instants in milliseconds. */
export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly failed: boolean;
  readonly attributes: SpanAttributes;
}

export interface SpanExporter extends AsyncDisposable {
  /** Whether there is room for a span. Without room it counts as dropped. */
  hasRoom(): boolean;
  /** Never waits and never throws. */
  add(span: FinishedSpan): void;
  /** Spans dropped so far. */
  dropped(): number;
  /** Sends the remaining spans, for at most two seconds. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SpanExporterOptions {
  /** The collector's base address, such as `http://collector:4318`. */
  readonly endpoint: string;
  readonly version: string;
  /** Tells replicas apart, such as the host's name. */
  readonly instance: string;
  readonly fetch: typeof globalThis.fetch;
  readonly logger: Logger;
}

const MAX_QUEUED = 2048;
const MAX_BATCH = 512;
const SEND_EVERY_MS = 2000;
const SEND_TIMEOUT_MS = 5000;
const LAST_SEND_TIMEOUT_MS = 2000;

export function createSpanExporter({ endpoint, version, instance, fetch, logger }: SpanExporterOptions): SpanExporter {
  const url = /\/v1\/traces\/?$/.test(endpoint) ? endpoint : `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  const resource = {
    attributes: attributesOf({
      "service.name": "icemint",
      "service.version": version,
      "service.instance.id": instance,
    }),
  };
  let queue: FinishedSpan[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let droppedSpans = 0;
  let healthy = true;

  async function send(batch: readonly FinishedSpan[], timeoutMs: number): Promise<void> {
    const scopeSpans = [{ scope: { name: "icemint", version }, spans: batch.map(toOtlp) }];
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
      healthy = true;
    } catch (error) {
      droppedSpans += batch.length;
      if (healthy) logger.warn("the collector does not accept spans", { url, cause: String(error) });
      healthy = false;
    }
  }

  /** Sends batch after batch, one at a time. */
  async function drain(timeoutMs: number): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    while (queue.length > 0) {
      const batch = queue.slice(0, MAX_BATCH);
      queue = queue.slice(MAX_BATCH);
      await send(batch, timeoutMs);
    }
  }

  function sendSoon(): void {
    sending ??= drain(SEND_TIMEOUT_MS).finally(() => {
      sending = undefined;
    });
  }

  return {
    hasRoom() {
      if (queue.length < MAX_QUEUED) return true;
      droppedSpans++;
      return false;
    },
    add(span) {
      queue.push(span);
      if (queue.length >= MAX_BATCH) sendSoon();
      else timer ??= setTimeout(sendSoon, SEND_EVERY_MS).unref();
    },
    dropped: () => droppedSpans,
    async [Symbol.asyncDispose]() {
      const deadline = AbortSignal.timeout(LAST_SEND_TIMEOUT_MS);
      const last = (sending ?? Promise.resolve()).then(() => drain(LAST_SEND_TIMEOUT_MS));
      await Promise.race([last, new Promise((resolve) => deadline.addEventListener("abort", resolve))]);
    },
  };
}

const SERVER = 2;
const STATUS_UNSET = 0;
const STATUS_ERROR = 2;

/** A span in OTLP's JSON (opentelemetry-proto, trace/v1/trace.proto): ids in hex, 64-bit numbers as strings. */
function toOtlp(span: FinishedSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: SERVER,
    startTimeUnixNano: nanoseconds(span.startedAt),
    endTimeUnixNano: nanoseconds(span.endedAt),
    attributes: attributesOf(span.attributes),
    status: { code: span.failed ? STATUS_ERROR : STATUS_UNSET },
  };
}

function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n);
}

function attributesOf(attributes: SpanAttributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: String(value) },
  }));
}

/** An edge in this process, from a settings file as a user writes it, before a scripted token service. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createRouterTransport, type Transport } from "@connectrpc/connect";
import { stringify } from "yaml";
import { localDisk } from "../../src/config/reading/disk.js";
import { startEdge } from "../../src/edge/edge.js";
import { readEdgeSettings } from "../../src/edge/settings/read.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { answering, startEndpoint, TOKEN_ANSWER, type ScriptedEndpoint } from "../client/scripted-endpoint.js";
import { eventually } from "../support/eventually.js";
import { FakeTime } from "../support/fake-time.js";
import { recordedSink } from "../telemetry/recorded-sink.js";

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export type Form = Readonly<Record<string, string | readonly string[]>> | string;

/** Posts a form as an engine does. `to` is a URL's origin, or `unix:` and a path. */
export async function post(to: string, form: Form, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
  const content = { "content-type": "application/x-www-form-urlencoded", ...headers };
  return await send(to, { method: "POST", path: "/v1/oauth/tokens", headers: content }, encoded(form));
}

function encoded(form: Form): string {
  if (typeof form === "string") return form;
  const pairs = Object.entries(form).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((one): [string, string] => [name, one]),
  );
  return new URLSearchParams(pairs).toString();
}

export async function send(to: string, options: http.RequestOptions, body = ""): Promise<Answer> {
  const place = to.startsWith("unix:") ? { socketPath: to.slice(5) } : urlParts(to);
  const request = http.request({ ...place, agent: false, ...options });
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  request.on("response", resolve).on("error", reject).end(body);
  const response = await promise;
  const answer = await text(response);
  const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
  const json = isJson ? (JSON.parse(answer) as Answer["json"]) : {};
  return { status: response.statusCode ?? 0, headers: response.headers, body: answer, json };
}

function urlParts(address: string): { readonly host: string; readonly port: number } {
  const [host = "", port] = address.split(":");
  return { host, port: Number(port) };
}

/** An edge and all that is round it. */
export interface EdgeRig extends AsyncDisposable {
  readonly upstream: ScriptedEndpoint;
  readonly time: FakeTime;
  readonly folder: string;
  /** Where engines ask, and the admin port. */
  readonly url: string;
  readonly admin: string;
  readonly log: readonly string[];
  ask(form: Form, headers?: http.OutgoingHttpHeaders): Promise<Answer>;
  /** Lets time pass until something has come of a promise. */
  passUntil<T>(promise: Promise<T>): Promise<T>;
  readyz(): Promise<Answer>;
  metric(name: string): Promise<string | undefined>;
  drain(): Promise<void>;
}

export interface RigOptions {
  /** Another server than the scripted one. */
  readonly server?: string;
  readonly outbound?: object;
  readonly credential?: object;
  readonly files?: Readonly<Record<string, string>>;
  /** To the stream of revocations. Absent: the server has none. */
  readonly transport?: Transport;
  /** Called before the edge starts. */
  readonly prepare?: (upstream: ScriptedEndpoint) => void | Promise<void>;
}

export const ENTRY = { name: "lake", scope: "catalog" };

/** Gives out another token each time: `t1`, `t2` and so on. */
export function counting(more: object = {}): http.RequestListener {
  let count = 0;
  return (request, response) => {
    count += 1;
    answering(200, { ...TOKEN_ANSWER, access_token: `t${count}`, ...more })(request, response);
  };
}

/** Starts one. Paths that begin with `FOLDER` are in its own folder. */
export async function startRig(options: RigOptions = {}): Promise<EdgeRig> {
  const { server, outbound, credential, files = {}, prepare, transport = createRouterTransport(() => {}) } = options;
  const folder = mkdtempSync(join(tmpdir(), "icemint-edge-"));
  const upstream = await startEndpoint();
  upstream.answer = counting();
  await prepare?.(upstream);
  for (const [name, content] of Object.entries({ secret: "the-edge's-own", ...files })) {
    writeFileSync(join(folder, name), content);
  }
  const settings = {
    server: server ?? upstream.url,
    credential: credential ?? { client_id: "edge", secret_file: "FOLDER/secret" },
    outbound: outbound ?? { listen: "127.0.0.1:0", tokens: [ENTRY] },
    admin: "127.0.0.1:0",
  };
  const file = join(folder, `${randomUUID()}.yaml`);
  writeFileSync(file, stringify(settings).replaceAll("FOLDER", folder));
  const time = new FakeTime();
  const { sink, lines } = recordedSink();
  const logger = createLogger({ level: "debug", sink, clock: time.clock });
  const edge = await startEdge(readEdgeSettings(file, localDisk), {
    version: "0.0.0",
    clock: time.clock,
    random: () => 0.5,
    pause: time.pause,
    logger,
    transport,
  });
  const url = edge.addresses["outbound"] ?? "";
  const admin = edge.addresses["admin"] ?? "";
  return {
    upstream,
    time,
    folder,
    url,
    admin,
    log: lines,
    ask: (form, headers) => post(url, form, headers),
    async passUntil(promise) {
      let isSettled = false;
      void promise.then(
        () => (isSettled = true),
        () => (isSettled = true),
      );
      await eventually("the promise is settled", async () => {
        await time.pass(500);
        return isSettled;
      });
      return await promise;
    },
    readyz: () => send(admin, { path: "/readyz" }),
    async metric(name) {
      const { body } = await send(admin, { path: "/metrics" });
      return body.split("\n").find((line) => line.startsWith(name));
    },
    drain: () => edge.drain(1000),
    async [Symbol.asyncDispose]() {
      await edge.drain(0);
      await upstream[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A token service that breaks in every way of the matrix, and comes back. It has a loopback address of its own: no other
 * test can take its port while it is away.
 */
import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { answering, TOKEN_ANSWER } from "../client/scripted-endpoint.js";

const HOST = "127.0.0.77";

const ANSWERS = {
  "500": answering(500, { error: "server_error" }),
  "502": answering(502, "<html>Bad Gateway</html>", { "content-type": "text/html" }),
  "503": answering(503, "no healthy upstream", { "content-type": "text/plain" }),
  "504": answering(504, "", { "content-type": "text/html" }),
  "429": answering(429, { error: "slow_down" }),
  "empty 200": answering(200, ""),
  "HTML 200": answering(200, "<html>Welcome</html>", { "content-type": "text/html" }),
} satisfies Record<string, RequestListener>;

export const FAULTS = ["refused", "reset", "hang", ...(Object.keys(ANSWERS) as (keyof typeof ANSWERS)[])] as const;
export type Fault = (typeof FAULTS)[number];

/** Gives out `t1`, `t2` and so on, each for `lifeSeconds`. */
export class FaultyService implements AsyncDisposable {
  readonly url: string;
  issued = 0;
  attempts = 0;
  readonly #lifeSeconds: number;
  readonly #port: number;
  #fault: Fault | undefined;
  #hanging: ServerResponse[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((request, response) => {
    request.resume();
    this.attempts += 1;
    this.#answer(request, response);
  });

  private constructor(lifeSeconds: number, port: number) {
    this.#lifeSeconds = lifeSeconds;
    this.#port = port;
    this.url = `http://${HOST}:${port}`;
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {}); // reset by the edge
    });
  }

  static async start(lifeSeconds: number): Promise<FaultyService> {
    const probe = createServer().listen(0, HOST);
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    const service = new FaultyService(lifeSeconds, port);
    await service.#listen();
    return service;
  }

  async break(fault: Fault): Promise<void> {
    this.#fault = fault;
    if (fault === "refused") await this.#close();
  }

  async mend(): Promise<void> {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault === "refused") await this.#listen();
    for (const response of this.#hanging.splice(0)) this.#token(response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.#close();
  }

  #answer(...[request, response]: Parameters<RequestListener>): void {
    const fault = this.#fault;
    if (fault === undefined || fault === "refused") this.#token(response);
    else if (fault === "reset") request.socket.resetAndDestroy();
    else if (fault === "hang") this.#hanging.push(response);
    else ANSWERS[fault](request, response);
  }

  #token(response: ServerResponse): void {
    this.issued += 1;
    const answer = { ...TOKEN_ANSWER, access_token: `t${this.issued}`, expires_in: this.#lifeSeconds };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, HOST);
    await once(this.#server, "listening");
  }

  async #close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { expect, test } from "vitest";
import { openLink } from "../../src/storage/redis/redis-link.js";
import { eventually } from "../support/eventually.js";
import { sentinelTopology, singleSettings } from "../support/redis-deployment.js";
import { RedisProcess } from "../support/redis-process.js";

/** A Sentinel that says where the master is only when it is told to, and announces a failover at will. */
class SlowSentinel implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #subscribers = new Set<Socket>();
  #held: (() => void)[] | undefined;

  private constructor(masterPort: number) {
    const port = String(masterPort);
    const address = `*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket.on("error", () => {}));
      socket.on("data", (data) => {
        for (const [, command = ""] of data
          .toString()
          .matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n(?:\$\d+\r\n[^\r]*\r\n)*/g)) {
          const text = data.toString();
          if (command.toLowerCase() === "subscribe") {
            this.#subscribers.add(socket);
            socket.write("*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
          } else if (command.toLowerCase() !== "sentinel") socket.write("+OK\r\n");
          else if (text.includes("sentinels")) socket.write("*0\r\n");
          else if (this.#held === undefined) socket.write(address);
          else this.#held.push(() => socket.write(address));
        }
      });
    });
  }

  static async start(masterPort: number): Promise<SlowSentinel> {
    const sentinel = new SlowSentinel(masterPort);
    await once(sentinel.#server.listen(0, "127.0.0.1"), "listening");
    return sentinel;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** How many wait for an answer; asking once more keeps those who come waiting. */
  hold(): number {
    return (this.#held ??= []).length;
  }

  answer(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  announceFailover(): void {
    const message = "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$1\r\nx\r\n";
    for (const socket of this.#subscribers) socket.write(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

test("a failover that Sentinels announce while the connection is being made does not end it for good", async () => {
  await using master = await RedisProcess.start();
  await using sentinel = await SlowSentinel.start(master.port);
  const topology = sentinelTopology({ hosts: [sentinel.host], master: "icemint" });
  const closing = new AbortController();
  const link = openLink(singleSettings("", { topology }), "request", closing.signal);
  await eventually("it follows the Sentinels", () => link.status === "ready" && sentinel.subscribers > 0);

  sentinel.hold();
  await master.kill();
  await eventually("it asks for the master again", () => sentinel.hold() > 0);
  sentinel.announceFailover();
  await new Promise((resolve) => setTimeout(resolve, 50)); // the announcement travels on another connection
  await master.restart();
  sentinel.answer();
  await eventually("it is connected again", () => link.status === "ready");

  closing.abort();
  await eventually("it ends when it is closed", () => link.status === "end");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(link.status).toBe("end");
});

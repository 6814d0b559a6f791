/** SIGTERM to the built server under load. */
import { once } from "node:events";
import http2 from "node:http2";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { FORMS } from "../../chaos/client.js";
import { FormCaller } from "../../chaos/form-caller.js";
import { History } from "../../chaos/history.js";
import { CLIENT, replicaSettings } from "../../chaos/settings.js";
import { eventually } from "../support/eventually.js";
import { ServerProcess } from "../support/server-process.js";

/** A server with memory state. */
function start(delay: string): Promise<ServerProcess> {
  const shutdown = { delay, grace: "5s" };
  return ServerProcess.start({ settings: { ...replicaSettings({}, 3600), redis: undefined, shutdown } });
}

/** Asks over a kept connection until no new one can be opened; adds all outcomes before that. */
async function askUntilGone(url: string, outcomes: string[]): Promise<void> {
  using caller = new FormCaller("kept", url, new History());
  for (;;) {
    const { outcome } = await caller.post({ what: "client_credentials", form: FORMS.clientCredentials });
    if (outcome === "unreachable") return;
    outcomes.push(outcome);
    if (outcome !== "ok") return;
  }
}

/** Asks over one HTTP/2 connection, four streams at a time, until GOAWAY; adds all outcomes. */
async function askUntilGoaway(url: string, outcomes: string[]): Promise<void> {
  const session = http2.connect(url);
  const told = new AbortController();
  session.on("goaway", () => told.abort());
  session.on("error", () => {});
  const form = new URLSearchParams({ ...FORMS.clientCredentials, client_id: CLIENT.id, client_secret: CLIENT.secret });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const one = async (): Promise<void> => {
    while (!told.signal.aborted && !session.closed) {
      const stream = session.request({ ":method": "POST", ":path": "/v1/oauth/tokens", ...headers });
      stream.end(form.toString());
      try {
        const [answer] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
        stream.resume();
        await once(stream, "end");
        outcomes.push(Number(answer[":status"]) === 200 ? "ok" : String(answer[":status"]));
      } catch (error) {
        outcomes.push(String(error));
      }
    }
  };
  await Promise.all([one(), one(), one(), one()]);
  await once(session, "close");
}

describe.concurrent("SIGTERM", () => {
  test("under keep-alive load over HTTP/1.1 and HTTP/2 resets no connection and refuses no request", async () => {
    await using server = await start("500ms");
    const all = Array.from({ length: 10 }, (): string[] => []);
    const asking = all.map((outcomes, at) => (at < 8 ? askUntilGone : askUntilGoaway)(server.url, outcomes));
    await eventually("each is under way", () => all.every((outcomes) => outcomes.length > 10), 10_000);
    const exit = await server.stop();
    expect(exit).toEqual({ code: 0, signal: null });
    await Promise.all(asking);
    for (const outcomes of all) expect(new Set(outcomes)).toEqual(new Set(["ok"]));
  });

  test("fails readiness at once and serves on until the delay is over", async () => {
    await using server = await start("1s");
    server.signal("SIGTERM");
    await eventually("it is not ready", async () => (await fetch(`${server.adminUrl}/readyz`)).status === 503, 900);
    using caller = new FormCaller("late", server.url, new History());
    const { outcome } = await caller.post({ what: "client_credentials", form: FORMS.clientCredentials });
    expect(outcome).toBe("ok");
    expect((await server.exited).code).toBe(0);
  });

  test("a second time ends it at once", async () => {
    await using server = await start("30s");
    const idle = connect(Number(new URL(server.url).port), "127.0.0.1");
    idle.on("error", () => {});
    await once(idle, "connect");
    server.signal("SIGTERM");
    await eventually("it is stopping", () => server.stderr.includes("stopping"));
    const at = performance.now();
    server.signal("SIGTERM");
    expect(await server.exited).toEqual({ code: 130, signal: null });
    expect(performance.now() - at).toBeLessThan(3000);
    idle.destroy();
  });
});

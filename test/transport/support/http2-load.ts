import { once } from "node:events";
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../support/eventually.js";

/**
 * Keeps HTTP/2 connections busy while `work` runs, and until each was told to go away: eight connections with three
 * streams at a time and small pauses. At times a connection is idle. Nothing is tried twice. Returns each
 * stream's status, or the text of its error; REFUSED_STREAM is left out, as it promises that nothing was done, and Node's
 * client also says it by itself for streams that it did not send.
 */
export async function withHttp2Load(url: string, work: () => Promise<unknown>): Promise<(number | string)[]> {
  const outcomes: (number | string)[] = [];
  const sessions = Array.from({ length: 8 }, () => http2.connect(url));
  for (const session of sessions) session.on("error", () => {});
  await Promise.all(sessions.map(request)); // every connection is there before the work begins
  const loads = sessions.map(async (session) => {
    const state = { leaving: false };
    session.on("goaway", () => (state.leaving = true));
    const loops = Array.from({ length: 3 }, async () => {
      while (!state.leaving && !session.closed && !session.destroyed) {
        outcomes.push(await request(session));
        await sleep(Math.random() * 3);
      }
    });
    await Promise.all(loops);
  });
  await eventually("each stream has been used", () => outcomes.length > 24);
  await work();
  await Promise.all(loads);
  return outcomes.filter((outcome) => !String(outcome).includes("REFUSED_STREAM"));
}

async function request(session: http2.ClientHttp2Session): Promise<number | string> {
  try {
    const stream = session.request({ ":path": "/errors" });
    let status = 0;
    stream.on("response", (headers) => (status = Number(headers[":status"])));
    stream.resume();
    await once(stream, "close");
    return stream.rstCode === 0 ? status : `reset ${stream.rstCode}`;
  } catch (error) {
    return String(error);
  }
}

/**
 * Every way in which a token service goes away, for 8, 60 and 600 seconds: begun in the last tenth of a token's life, and
 * when an engine starts. Tokens live for an hour. Time is passed by hand, connections are real.
 */
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import type { Answer, EdgeRig } from "./edge-rig.js";
import { startRig } from "./edge-rig.js";
import { FAULTS, FaultyService, type Fault } from "./faulty-service.js";

const LIFE_SECONDS = 3600;
const SECONDS = [8, 60, 600] as const;
const OWN = { grant_type: "client_credentials", scope: "catalog" };
const refresh = (token: string) => ({
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token: token,
  subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  scope: "catalog",
});

const rows = FAULTS.flatMap((fault) => SECONDS.map((seconds): [Fault, number] => [fault, seconds]));

interface Cast extends AsyncDisposable {
  readonly service: FaultyService;
  readonly rig: EdgeRig;
}

async function cast(broken?: Fault): Promise<Cast> {
  const service = await FaultyService.start(LIFE_SECONDS);
  if (broken !== undefined) await service.break(broken);
  const rig = await startRig({ server: service.url });
  return {
    service,
    rig,
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

/** What engines see while so many seconds pass, in some steps. */
async function during(seconds: number, rig: EdgeRig, ask: () => Promise<Answer>): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let step = 0; step < 5; step += 1) {
    answers.push(await ask());
    await rig.time.pass((seconds * 1000) / 5);
  }
  return answers;
}

/** The edge's renewal comes after its longest wait. */
async function renewed({ rig, service }: Cast): Promise<void> {
  const before = service.issued;
  await eventually("another token comes", async () => {
    await rig.time.pass(1000);
    return service.issued > before;
  });
}

describe("an outage that begins in the last tenth of the engine's token", () => {
  test.each(rows)(
    "%s for %d s: each refresh is answered with a live token and what is left of it",
    async (fault, seconds) => {
      await using all = await cast();
      const { rig, service } = all;
      expect((await rig.ask(OWN)).json["access_token"]).toBe("t1");
      await rig.time.pass(LIFE_SECONDS * 500);
      await eventually("it is renewed", async () => (await rig.ask(OWN)).json["access_token"] === "t2");
      await rig.time.pass(LIFE_SECONDS * 410);
      await service.break(fault);
      const answers = await during(seconds, rig, () => rig.ask(refresh("t1")));
      expect(answers.map(({ status, json }) => [status, json["access_token"], json["expires_in"]])).toEqual(
        [0, 1, 2, 3, 4].map((step) => [200, "t2", Math.floor(3600 - 1476 - (seconds / 5) * step)]),
      );
      await service.mend();
      await rig.time.pass(LIFE_SECONDS * 100);
      if (service.issued === 2) await renewed(all);
      await eventually("engines get another", async () => (await rig.ask(refresh("t1"))).json["access_token"] !== "t2");
    },
  );
});

describe("an outage that begins in the last tenth of the edge's own token, which it could not renew", () => {
  test.each(FAULTS)(
    "%s: it is given out with what is left until its margin, then 503 with Retry-After, never a dead one",
    async (fault) => {
      await using all = await cast();
      const { rig, service } = all;
      await rig.ask(OWN);
      await service.break(fault);
      await rig.time.pass(LIFE_SECONDS * 1000 - 6000);
      expect((await rig.ask(OWN)).json).toMatchObject({ access_token: "t1", expires_in: 6 });
      await rig.time.pass(1000);
      const late = rig.ask(OWN);
      expect(await rig.passUntil(late)).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
      await service.mend();
      await eventually("it is well again", async () => {
        await rig.time.pass(1000);
        return (await rig.readyz()).status === 200;
      });
      expect((await rig.ask(refresh("t1"))).json["access_token"]).toMatch(/^t[2-9]/);
    },
  );
});

describe("an outage when an engine starts", () => {
  test.each(rows)("%s for %d s: the engine gets the token that the edge holds", async (fault, seconds) => {
    await using all = await cast();
    const { rig, service } = all;
    await eventually("the edge has its token", async () => (await rig.readyz()).status === 200);
    await service.break(fault);
    const answers = await during(seconds, rig, () => rig.ask(OWN));
    expect(answers.map(({ status, json }) => `${status} ${String(json["access_token"])}`)).toEqual(
      answers.map(() => "200 t1"),
    );
  });

  test.each(FAULTS)(
    "%s for 8 s, and the edge starts as well: the engine's first request is held and answered",
    async (fault) => {
      await using all = await cast(fault);
      const { rig, service } = all;
      const first = rig.ask(OWN);
      const held = { isAnswered: false };
      void first.then(() => (held.isAnswered = true));
      await eventually("it is held", () => rig.time.waits.includes(10_000));
      for (let step = 0; step < 20 && !held.isAnswered; step += 1) {
        if (step === 16) await service.mend();
        // The stream's wait, the hold, and the wait between attempts. One that hangs does not end.
        const isSettled = () => held.isAnswered || rig.time.waits.length === 3;
        if (fault !== "hang" || step >= 16) await eventually("the attempt has ended", isSettled);
        await rig.time.pass(500);
      }
      expect((await first).json["access_token"]).toBe("t1");
    },
  );

  test.each(FAULTS)(
    "%s for 600 s, and the edge starts as well: 503 with Retry-After until it is over",
    async (fault) => {
      await using all = await cast(fault);
      const { rig, service } = all;
      const first = rig.ask(OWN);
      expect(await rig.passUntil(first)).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
      await rig.time.pass(590_000);
      await service.mend();
      await eventually("it is well", async () => {
        await rig.time.pass(1000);
        return (await rig.readyz()).status === 200;
      });
      expect((await rig.ask(OWN)).status).toBe(200);
    },
  );
});

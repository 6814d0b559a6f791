import { describe, expect, test } from "vitest";
import type { IssuedToken } from "../../src/client/token-endpoint.js";
import { TokenError } from "../../src/client/token-error.js";
import { TokenKeeper } from "../../src/client/token-keeper.js";
import { FakeTime } from "../support/fake-time.js";

const LIFE = 3_600_000;
const away = (retryAfterMs?: number): TokenError => new TokenError("unavailable", "away", { retryAfterMs });
const refused = (): TokenError => new TokenError("refused", "invalid_client", { oauthError: "invalid_client" });

/** A keeper, and a server that gives out `token-1`, `token-2` and so on unless `failing` says how it fails. */
function keeperOf({ life = LIFE, waitMs = 30_000, renewUnused = false, random = 0.5 } = {}) {
  const time = new FakeTime();
  const server = {
    failing: undefined as TokenError | undefined,
    requests: 0,
    issued: 0,
    hold: undefined as Promise<void> | undefined,
  };
  const failures: TokenError[] = [];
  const keeper = new TokenKeeper({
    request: async (): Promise<IssuedToken> => {
      server.requests += 1;
      const issuedAt = time.clock();
      await server.hold;
      if (server.failing) throw server.failing;
      server.issued += 1;
      return { accessToken: `token-${server.issued}`, issuedAt, expiresAt: issuedAt + life, scope: undefined };
    },
    clock: time.clock,
    random: () => random,
    pause: time.pause,
    waitMs,
    renewUnused,
    onFailure: (error) => failures.push(error),
  });
  const token = async (): Promise<string> => (await keeper.get()).accessToken;
  return { keeper, time, server, failures, token };
}

describe("a live token", () => {
  test("is given out from memory: a thousand callers make one request", async () => {
    const { server, token } = keeperOf();
    const tokens = await Promise.all(Array.from({ length: 1000 }, token));
    expect(new Set(tokens)).toEqual(new Set(["token-1"]));
    expect(server.requests).toBe(1);
  });

  test("is renewed at half its life, in the background, while it is used", async () => {
    const { server, token, time } = keeperOf();
    await token();
    await time.pass(LIFE / 2 - 1);
    expect(server.requests).toBe(1);
    await time.pass(1);
    expect(await token()).toBe("token-2");
    expect(server.requests).toBe(2);
  });

  test.each([
    [0, 0.45],
    [0.999_999, 0.55],
  ])("is renewed up to a twentieth of its life earlier or later: random %d", async (random, part) => {
    const { token, time } = keeperOf({ random });
    await token();
    expect(time.waits[0]).toBeCloseTo(LIFE * part, -2);
  });

  test("is not renewed while nobody asks, and is renewed once somebody does", async () => {
    const { server, token, time } = keeperOf();
    await token();
    await time.pass(LIFE / 2); // used once: renewed
    await time.pass(LIFE / 2 + LIFE / 4);
    expect(server.requests).toBe(2);
    expect(await token()).toBe("token-2"); // at once, still live
    await time.pass(0);
    expect(await token()).toBe("token-3");
  });

  test("is renewed though nobody asks where that is wanted", async () => {
    const { server, token, time } = keeperOf({ renewUnused: true });
    await token();
    await time.pass(LIFE * 5.1);
    expect(server.requests).toBe(11);
  });

  test("is given out while its renewal is under way", async () => {
    const { server, token, time } = keeperOf();
    await token();
    const held = Promise.withResolvers<void>();
    server.hold = held.promise;
    await time.pass(LIFE * 0.6);
    expect(await token()).toBe("token-1");
    expect(server.requests).toBe(2);
    held.resolve();
    await time.pass(0);
    expect(await token()).toBe("token-2");
  });
});

describe("a server that is away", () => {
  test("is not noticed before the token dies, and is asked again with growing waits", async () => {
    const { server, token, time, failures } = keeperOf();
    await token();
    server.failing = away();
    await time.pass(LIFE - 6_000);
    expect(await token()).toBe("token-1");
    const attempts = server.requests - 1;
    expect(attempts).toBeGreaterThan(50); // every 22.5 s in half an hour
    expect(attempts).toBeLessThan(100);
    expect(failures).toHaveLength(attempts);
    server.failing = undefined;
    await time.pass(30_000);
    expect(await token()).toBe("token-2");
  });

  test("gets time: what it asks to be waited for is waited for", async () => {
    const { server, token, time } = keeperOf();
    server.failing = away(7_000);
    const given = token();
    await time.pass(6_999);
    expect(server.requests).toBe(1);
    server.failing = undefined;
    await time.pass(1_000); // and a little more, by chance
    expect(await given).toBe("token-1");
  });

  test("fails a caller who has waited long enough, and only then", async () => {
    const { server, token, time } = keeperOf({ waitMs: 10_000 });
    server.failing = away();
    const failed = expect(token()).rejects.toMatchObject({ name: "TokenError", code: "unavailable" });
    await time.pass(10_000);
    await failed;
    expect(server.requests).toBe(5); // after 0, 0.4, 1.1, 2.6 and 5.6 s; the next would be after 11.6
  });

  test("never makes an expired token be given out, not even one that may expire on its way", async () => {
    const { server, token, time } = keeperOf();
    await token();
    server.failing = away();
    await time.pass(LIFE - 4_999);
    const failed = expect(token()).rejects.toMatchObject({ code: "unavailable" });
    await time.pass(60_000);
    await failed;
  });

  test("of a short life a tenth is kept back, no more", async () => {
    const { server, token, time } = keeperOf({ life: 10_000 });
    await token();
    server.failing = away();
    await time.pass(8_999);
    expect(await token()).toBe("token-1");
  });
});

describe("a server that refuses", () => {
  test("fails a caller at once, and is asked again by the next: nothing is remembered of it", async () => {
    const { server, token } = keeperOf();
    server.failing = refused();
    await expect(token()).rejects.toMatchObject({ code: "refused", oauthError: "invalid_client" });
    server.failing = undefined;
    expect(await token()).toBe("token-1");
  });

  test("is asked again in the background while the token lives: its client may be about to be set right", async () => {
    const { server, token, time } = keeperOf();
    await token();
    server.failing = refused();
    await time.pass(LIFE * 0.7);
    expect(await token()).toBe("token-1");
    server.failing = undefined;
    await time.pass(30_000);
    expect(await token()).toBe("token-2");
  });
});

describe("a token that a service has not accepted", () => {
  test("is given up, and another is asked for", async () => {
    const { keeper, token } = keeperOf();
    expect(keeper.invalidate(await token())).toBe(true);
    expect(await token()).toBe("token-2");
  });

  test("is given up once, though a hundred calls failed with it", async () => {
    const { keeper, server, token } = keeperOf();
    const first = await token();
    for (let call = 0; call < 100; call += 1) expect(keeper.invalidate(first)).toBe(true);
    expect(await token()).toBe("token-2");
    expect(server.requests).toBe(2);
  });

  test("is not given up if the last one was a moment ago: a service that refuses all makes no herd", async () => {
    const { keeper, server, token, time } = keeperOf();
    keeper.invalidate(await token());
    expect(keeper.invalidate(await token())).toBe(false);
    await time.pass(10_000);
    expect(keeper.invalidate(await token())).toBe(true);
    await token();
    expect(server.requests).toBe(3);
  });
});

describe("a closed keeper", () => {
  test("gives nothing, fails the waiting calls, and leaves nothing waiting", async () => {
    const { keeper, server, token, time } = keeperOf();
    await token();
    server.failing = away();
    await time.pass(LIFE); // renewal failed, the token is dead
    const failed = expect(token()).rejects.toMatchObject({ code: "closed" });
    await time.pass(0);
    await keeper.close();
    await failed;
    await expect(token()).rejects.toMatchObject({ code: "closed" });
    await time.pass(0);
    expect(time.waits).toEqual([]);
  });

  test("drops a token that comes too late", async () => {
    const { keeper, server, token, time } = keeperOf();
    const held = Promise.withResolvers<void>();
    server.hold = held.promise;
    const failed = expect(token()).rejects.toMatchObject({ code: "closed" });
    const ended = keeper.close();
    held.resolve();
    await Promise.all([failed, ended]);
    expect(time.waits).toEqual([]);
  });

  test("only a caller who waits keeps the process alive", async () => {
    const { server, token, time } = keeperOf();
    await token();
    expect([time.waits.length, time.refs]).toEqual([1, 0]);
    server.failing = away();
    await time.pass(LIFE);
    const failed = expect(token()).rejects.toMatchObject({ code: "unavailable" });
    await time.pass(0);
    expect(time.refs).toBe(1);
    await time.pass(60_000);
    await failed;
  });
});

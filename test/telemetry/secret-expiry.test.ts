import { describe, expect, it } from "vitest";
import { earliestExpiries } from "../../src/telemetry/secret-expiry.js";

const client = (id: string, expiries: (number | undefined)[], disabled = false) => ({
  id,
  disabled,
  secrets: expiries.map((expiresAt) => ({ expiresAt })),
});

describe("clients whose secrets expire", () => {
  it("are told by their last secret, the soonest first", () => {
    const clients = [client("late", [50, 900]), client("soon", [100]), client("sooner", [5, 7])];
    expect(earliestExpiries(clients, 10)).toEqual([
      { client: "sooner", expiresAt: 7 },
      { client: "soon", expiresAt: 100 },
      { client: "late", expiresAt: 900 },
    ]);
  });

  it("are not those with a secret for ever, without secrets, or disabled", () => {
    const clients = [client("for ever", [5, undefined]), client("federated", []), client("off", [5], true)];
    expect(earliestExpiries(clients, 10)).toEqual([]);
  });

  it("are bounded in number", () => {
    const clients = Array.from({ length: 1000 }, (_, at) => client(`c${at}`, [1000 - at]));
    expect(earliestExpiries(clients, 2).map((expiry) => expiry.client)).toEqual(["c999", "c998"]);
  });
});

import { expect, test } from "vitest";
import { LiveSettings } from "../../src/app/live-settings.js";
import { client } from "../support/core.js";

const asking = (id: string, word: string) =>
  client(id, { scopes: { allowed: new Set([word, "more"]), default: [word] } });

test("the scope words that clients get by default are told once each, and gathered once for each state", () => {
  const settings = new LiveSettings({
    clients: [asking("a", "catalog"), asking("b", "catalog"), asking("c", "reports")],
    workloads: [],
    trustedIssuers: [],
    digest: "d",
  });
  const scopes = settings.scopes();
  expect(scopes).toEqual(["catalog", "reports"]);
  expect(settings.scopes()).toBe(scopes);
  settings.replace({ clients: [asking("d", "audit")], workloads: [], trustedIssuers: [], digest: "d" });
  expect(settings.scopes()).toEqual(["audit"]);
});

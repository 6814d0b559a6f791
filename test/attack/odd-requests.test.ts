/**
 * Odd and malformed HTTP/1.1 requests, byte for byte, against the whole server. What each may be answered is data beside
 * its bytes; what every answer must be is here (RFC 6749 sections 5.1 and 5.2).
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchangeRaw, type RawAnswer } from "../support/raw-http.js";
import type { RunningApp } from "../support/running-app.js";
import { CREDENTIALS } from "./odd/credentials.js";
import { FORMS } from "./odd/forms.js";
import { FRAMING } from "./odd/framing.js";
import { GRANTS } from "./odd/grants.js";
import type { OddRequest } from "./odd/odd-request.js";
import { TARGETS } from "./odd/targets.js";
import { login, startWorld } from "./world.js";

let app: RunningApp;
beforeAll(async () => {
  app = await startWorld();
});
afterAll(() => app[Symbol.asyncDispose]());

const ALL = { methods: TARGETS, framing: FRAMING, forms: FORMS, credentials: CREDENTIALS, grants: GRANTS };

/** RFC 6749 section 5.2. */
const DESCRIPTION = /^[\x20\x21\x23-\x5B\x5D-\x7E]{1,200}$/;
const URI = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/** Iceberg's API documents 200, 400, 401 and 5XX; 405, 429 and what HTTP itself refuses are the exceptions. */
const DOCUMENTED = [200, 400, 401, 405, 408, 413, 414, 417, 431, 505];

/** What the answer must be besides its status; an empty list if it is. */
function faults(request: OddRequest, answer: RawAnswer): string[] {
  const { headers, status, body } = answer;
  const wrong: string[] = [];
  const require = (name: string, value: RegExp): void => {
    const values = headers.get(name) ?? [];
    if (values.length !== 1 || !value.test(values[0] ?? "")) wrong.push(`${name}: ${values.join(" | ") || "absent"}`);
  };
  require("x-request-id", /^[\w.~:=/+-]{1,64}$/);
  for (const name of [
    "server",
    "x-powered-by",
    "x-injected",
    "location",
    "set-cookie",
    "access-control-allow-origin",
  ]) {
    if (request.oauth && headers.has(name)) wrong.push(`has ${name}`);
  }
  if (body.includes("marked-secret")) wrong.push("the answer holds a secret");
  if (!request.oauth) return wrong;
  require("cache-control", /^no-store$/);
  require("pragma", /^no-cache$/);
  require("content-type", /^application\/(json|token-introspection\+jwt)$/);
  if (headers.has("content-encoding")) wrong.push("is compressed");
  if (status === 401) require("www-authenticate", /^(Basic|Bearer) realm="icemint"/);
  else if (headers.has("www-authenticate")) wrong.push("has www-authenticate");
  if (status === 405) require("allow", /^(POST|GET, HEAD, OPTIONS)$/);
  if (request.error !== undefined) wrong.push(...errorFaults(request.error, body));
  return wrong;
}

function errorFaults(error: string, body: string): string[] {
  const members = JSON.parse(body) as Record<string, unknown>;
  const wrong: string[] = [];
  if (members["error"] !== error) wrong.push(`error ${String(members["error"])}`);
  if (!DESCRIPTION.test(String(members["error_description"])))
    wrong.push(`description ${String(members["error_description"])}`);
  if (!URI.test(String(members["error_uri"]))) wrong.push(`uri ${String(members["error_uri"])}`);
  const names = Object.keys(members).toSorted().join(" ");
  if (names !== "error error_description error_uri") wrong.push(`members ${names}`);
  return wrong;
}

describe.each(Object.entries(ALL))("odd %s", (_, requests) => {
  test.concurrent.for(requests.map((request) => [request.name, request] as const))(
    "%s",
    async ([, request], { expect: e }) => {
      const { answers, rest, closed } = await exchangeRaw(app.port, request.sending);
      const last = answers.at(-1);
      e(request.status).toContain(last?.status ?? "none");
      if (request.oauth && last !== undefined) e(DOCUMENTED).toContain(last.status);
      e(rest).toBe("");
      e(closed).toBe(true);
      if (last === undefined) return;
      e(answers.length).toBe(request.answers ?? 1);
      e(faults(request, last)).toEqual([]);
    },
  );
});

describe("after all of them", () => {
  test("they were more than 171, each with a name of its own", () => {
    const names = Object.values(ALL).flatMap((requests) => requests.map(({ name }) => name));
    expect(names.length).toBeGreaterThan(400);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test("the server had no fault of its own, and no secret is in its log", () => {
    const log = app.log.join("");
    expect(log).not.toContain('"level":"error"');
    expect(log).not.toContain("marked-secret");
  });

  test("the server still gives tokens to honest callers", async () => {
    expect((await login(app, "spark")).split(".")).toHaveLength(3);
  });
});

/** What an endpoint may do to the doctor, and to the terminal that it runs in. */
import { describe, expect, test } from "vitest";
import { clean, redact } from "../../src/doctor/clean.js";
import { loadKit } from "../../src/doctor/kit.js";
import { reportText } from "../../src/doctor/report-text.js";
import { diagnosed, found } from "./diagnosed.js";
import { STUB_CREDENTIAL, refusal, startStub } from "./stub-endpoint.js";

const ESC = String.fromCharCode(27);

describe("what a server says", () => {
  test("reaches the terminal without escapes, control characters and direction marks", async () => {
    const evil = `${ESC}[2J${ESC}]0;owned${String.fromCharCode(7)} a\r\nb \u{202e}txet \u{200b}`;
    await using stub = await startStub({
      fault: (right, { form }) => (form.has("subject_token") ? refusal(400, "invalid_grant", evil) : right),
    });
    const report = await diagnosed(stub.url);
    const shown = reportText(report, loadKit()) + JSON.stringify(report);
    expect(found(report)).toContain("REFRESH_REFUSED");
    // oxlint-disable-next-line no-control-regex
    expect(shown.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202e]/);
  });

  test("is cut", () => {
    expect(clean("x".repeat(10_000)).length).toBeLessThan(310);
  });

  test("never shows a secret, however the server spells it", () => {
    const secret = 'right "secret" +/é';
    const echoes = [secret, encodeURIComponent(secret), JSON.stringify(secret), Buffer.from(secret).toString("base64")];
    for (const echo of echoes) expect(redact(`you sent ${echo}`, [secret])).toMatch(/^you sent "?\[redacted\]/);
  });

  test("an endpoint that echoes the whole request shows no secret", async () => {
    await using stub = await startStub({
      fault: (right, { body, headers, form }) =>
        form.has("subject_token") ? refusal(400, "invalid_grant", `${headers.authorization ?? ""} ${body}`) : right,
    });
    const report = JSON.stringify(await diagnosed(stub.url));
    const { id, secret } = STUB_CREDENTIAL;
    expect(report).not.toContain(secret);
    expect(report).toContain("by Basic: 400 invalid_grant: Basic [redacted]");
    expect(report).not.toContain(Buffer.from(`${id}:${secret}`).toString("base64").slice(0, 12));
    expect(report).not.toMatch(/token-\d/);
  });

  test.each([
    ["nested a hundred thousand deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["deep objects", `${'{"a":'.repeat(30_000)}1${"}".repeat(30_000)}`],
    ["a member named __proto__", '{"__proto__": {"access_token": "x"}, "error": 5}'],
  ])("%s does no harm", async (_, body) => {
    await using stub = await startStub({
      fault: (right) => ({ ...right, status: 200, headers: { "content-type": "application/json" }, body }),
    });
    const report = await diagnosed(stub.url);
    expect(report.findings.length).toBeGreaterThan(0);
  });
});

describe("a redirect", () => {
  test("is not followed: the secret stays where it was meant to go", async () => {
    await using other = await startStub();
    await using stub = await startStub({
      fault: () => ({ status: 307, headers: { location: other.url.href }, body: "" }),
    });
    expect(found(await diagnosed(stub.url))).toEqual(["REDIRECTED"]);
    expect(other.requests).toEqual([]);
  });
});

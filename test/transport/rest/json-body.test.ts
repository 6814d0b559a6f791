import { describe, expect, test } from "vitest";
import { knownParameters, parseFormBody, readForm } from "../../../src/transport/rest/form.js";
import type { RestRequest } from "../../../src/transport/rest/rest-message.js";

const known = knownParameters("grant_type", "scope", "client_secret", "subject_token", "audience", "resource");

function read(body: string | Buffer, type = "application/json", json = true) {
  const request: RestRequest = {
    method: "POST",
    path: "/v1/oauth/tokens",
    query: undefined,
    headers: { "content-type": type },
    rawHeaders: [],
    body: Buffer.from(body),
    caller: { requestId: "r", transport: "form", address: "192.0.2.1" },
  };
  return readForm(request, known, { json });
}

describe("a JSON body at the token endpoint", () => {
  test("has the names and values of the form (grpc-go's credentials/sts)", () => {
    const body = {
      grant_type: "g",
      scope: "",
      subject_token: "a b+%2F",
      audience: "x",
      resource: ["y", "z"],
      more: { a: [1] },
    };
    const form = new URLSearchParams([
      ["grant_type", "g"],
      ["scope", ""],
      ["subject_token", "a b+%2F"],
      ["audience", "x"],
      ["resource", "y"],
      ["resource", "z"],
    ]);
    expect(read(JSON.stringify(body))).toEqual(parseFormBody(Buffer.from(form.toString()), known));
  });

  test.each<[string, string | Buffer]>([
    ["is none", "grant_type=g"],
    ["is empty", ""],
    ["is a list", "[]"],
    ["is null", "null"],
    ["has a member twice", '{"scope":"a","scope":"b"}'],
    ["has a member twice, spelt otherwise", '{"scope":"a","sc\\u006fpe":"b"}'],
    ["has a number", '{"scope":1}'],
    ["has null", '{"scope":null}'],
    ["has true", '{"client_secret":true}'],
    ["has an object", '{"scope":{}}'],
    ["has a list where one value belongs", '{"subject_token":["a"]}'],
    ["has a list that holds no string", '{"audience":["a",1]}'],
    ["is no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["begins with a byte order mark", '\ufeff{"scope":"a"}'],
    ["is nested too deep", `{"x":${"[".repeat(40)}${"]".repeat(40)}}`],
    ["has too long a value", JSON.stringify({ scope: "x".repeat(4097) })],
    ["has too long a token", JSON.stringify({ subject_token: "x".repeat(16_385) })],
    ["has too many values", JSON.stringify({ audience: Array.from({ length: 65 }, () => "a") })],
    ["has too many members", JSON.stringify(Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`m${at}`, ""])))],
  ])("is refused if it %s", (_, body) => {
    expect(() => read(body)).toThrow(expect.objectContaining({ code: "invalid_request", reason: "REQUEST_MALFORMED" }));
  });

  test("is refused in another charset, and where no JSON is expected", () => {
    expect(() => read("{}", "application/json; charset=utf-16")).toThrow(/utf-8/);
    expect(() => read("{}", "application/json", false)).toThrow(/Content-Type/);
    expect(() => read("{}", "application/json+x")).toThrow(/Content-Type/);
  });

  test("never repeats in its refusal what it holds", () => {
    expect(() => read('{"client_secret": s3cr3t')).toThrow(expect.not.objectContaining({ message: /s3cr3t/ }));
  });
});

test("a form that percent-encodes nothing is read (gRPC's C core)", () => {
  const type = "urn:ietf:params:oauth:token-type:jwt";
  const form = read(
    `grant_type=urn:x:y&subject_token=a.b-_.c\n&resource=https://a/b&scope=${type}`,
    "application/x-www-form-urlencoded",
  );
  expect(form).toMatchObject({
    grant_type: "urn:x:y",
    subject_token: "a.b-_.c\n",
    resource: ["https://a/b"],
    scope: type,
  });
});

import { expect, test } from "vitest";
import { createJudge } from "../../../src/edge/inbound/judge.js";
import { judged } from "./judged.js";

test("a fault that is not the caller's refuses the request, and tells the caller nothing", async () => {
  const fault = new Error("secret of the house");
  const faults: unknown[] = [];
  const judge = createJudge({
    verifier: { verify: () => Promise.reject(fault) },
    rules: [],
    onFault: (error) => faults.push(error),
  });
  const verdict = await judge({ authorization: ["Bearer x"], target: "/" });
  expect(verdict).toMatchObject({ allowed: false, refusal: { status: 500, grpcCode: 13, fault: "internal" } });
  expect(JSON.stringify(verdict)).not.toContain("secret");
  expect(faults).toEqual([fault]);
});

test("a path that is not in normal form is refused before the token is looked at", async () => {
  const { judge } = await judged([{ path: "/v1/*", scopes: [] }]);
  const verdict = await judge({ authorization: [], target: "//v1" });
  expect(verdict).toMatchObject({ allowed: false, refusal: { status: 400, fault: "path" } });
});

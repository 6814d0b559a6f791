import { expect, it } from "vitest";
import { tool } from "../support/tool.js";

const hadolint = tool("hadolint");

it.skipIf(hadolint.missing)(`the Dockerfile passes hadolint without a remark${hadolint.reason}`, () => {
  expect(hadolint.run("--failure-threshold", "style", "deploy/Dockerfile")).toEqual({ code: 0, output: "" });
});

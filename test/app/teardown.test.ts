import { describe, expect, test } from "vitest";
import { Teardown } from "../../src/app/teardown.js";

describe("a teardown", () => {
  test("closes in the opposite order of opening, once", async () => {
    const closed: string[] = [];
    const teardown = new Teardown();
    for (const name of ["first", "second"]) teardown.use(name, (resource) => void closed.push(resource));
    await teardown.run();
    await teardown.run();
    expect(closed).toEqual(["second", "first"]);
  });

  test("goes on after a step that fails, and tells of it in the end", async () => {
    const closed: string[] = [];
    const teardown = new Teardown();
    teardown.defer(() => void closed.push("last"));
    teardown.defer(() => Promise.reject(new Error("stuck")));
    await expect(teardown.run()).rejects.toThrow("stuck");
    expect(closed).toEqual(["last"]);
  });
});

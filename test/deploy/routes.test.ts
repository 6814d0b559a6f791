import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectRoot } from "../support/tool.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");

/** Every gRPC service that icemint has code for. */
const services = globSync("src/gen/**/*_pb.ts", { cwd: projectRoot })
  .flatMap((path) => [...read(path).matchAll(/@generated from service ([\w.]+)/g)])
  .map(([, name = ""]) => name)
  .filter((name) => !name.startsWith("envoy.")); // `icemint edge` serves it

it("httpRoute.grpc routes every service that is served", () => {
  const routed = [...read("deploy/helm/icemint/templates/routes.yaml").matchAll(/PathPrefix, value: \/([\w.]+) \}/g)];
  expect(services).toContain("icemint.v1.KeyService");
  expect(routed.map(([, name = ""]) => name).toSorted()).toEqual(services.toSorted());
});

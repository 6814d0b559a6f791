import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { projectRoot } from "../support/tool.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");
const dockerfile = read("deploy/Dockerfile");
const stages = dockerfile.split(/^(?=FROM )/m).slice(1);
const image = stages.at(-1) ?? "";

describe("the image", () => {
  it("is made from nothing: no shell and no package manager come along", () => {
    expect(image).toMatch(/^FROM scratch$/m);
    expect(image).not.toMatch(/^RUN /m);
  });

  it("runs as a user by number that is not root", () => {
    expect(image).toMatch(/^USER 65532:65532$/m);
  });

  it("listens on all addresses, by its environment alone", () => {
    expect(image).toContain("ICEMINT_LISTEN=0.0.0.0:8181");
    expect(image).toContain("ICEMINT_ADMIN_LISTEN=0.0.0.0:9464");
  });

  it("runs Node itself as the first process, so that SIGTERM arrives", () => {
    expect(image).toContain('ENTRYPOINT ["node", "dist/main.js"]');
    expect(image).toContain('CMD ["serve", "--config", "/etc/icemint/icemint.yaml"]');
  });

  it("carries its bill of materials, which can also be taken out alone", () => {
    expect(dockerfile).toMatch(
      /npm pkg delete devDependencies \\\n && npm sbom .*--sbom-format=cyclonedx > sbom.cdx.json$/m,
    );
    expect(image).toContain("sbom.cdx.json");
    expect(stages.some((stage) => stage.startsWith("FROM scratch AS sbom"))).toBe(true);
  });

  it("copies nothing from the build that is neither made there nor sent to it", () => {
    const sent = read(".dockerignore").split("\n");
    const copied = [...image.matchAll(/^COPY --from=build \/app\/(\S+)/gm)].map(([, path]) => path);
    expect(copied).toContain("conformance");
    expect(copied.filter((path) => path !== "dist" && !sent.includes(`!${path}`))).toEqual([]);
  });

  it("is built on the Node that the project is tested on", () => {
    const { devDependencies } = z
      .object({ devDependencies: z.object({ node: z.string() }) })
      .parse(JSON.parse(read("package.json")));
    expect(dockerfile).toContain(`ARG NODE_VERSION=${devDependencies.node}\n`);
  });
});

describe("compose.yaml", () => {
  const service = z.looseObject({
    image: z.string().optional(),
    ports: z.array(z.string()).default([]),
    read_only: z.boolean().default(false),
    environment: z.record(z.string(), z.string()).default({}),
    command: z.unknown().optional(),
  });
  const { services } = z
    .looseObject({ services: z.record(z.string(), service) })
    .parse(parse(read("deploy/compose.yaml")));

  it("publishes ports on the loopback address only", () => {
    const ports = Object.values(services).flatMap((each) => each.ports);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
  });

  it("gives secrets as files, and the service a read-only root", () => {
    expect(services["icemint"]?.read_only).toBe(true);
    expect(Object.keys(services["icemint"]?.environment ?? {})).toContain("ICEMINT_SEALING_KEY_FILE");
    expect(Object.keys(services["icemint"]?.environment ?? {})).not.toContain("ICEMINT_SEALING_KEY");
  });

  it("keeps Redis' data, and lets it evict nothing", () => {
    expect(JSON.stringify(services["redis"]?.command)).toMatch(/--appendonly.*yes.*--maxmemory-policy.*noeviction/);
  });
});

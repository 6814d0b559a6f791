/** The data of conformance/: whole, consistent, and explained. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { fillRequest } from "../../src/doctor/fill-request.js";
import { WHENS, loadKit } from "../../src/doctor/kit.js";

const kit = loadKit();
const ROOT = join(import.meta.dirname, "../..");
const text = z.string().min(1);
const pattern = text.refine((value) => new RegExp(value) instanceof RegExp);

const CLIENT = z.strictObject({
  id: text,
  name: text,
  version: text,
  date: z.iso.date(),
  origin: z.strictObject({ kind: z.enum(["wire", "run", "source"]), where: text }),
  users: z.array(text).min(1),
  sameCodeAs: text.optional(),
  authentication: z.enum(["form", "basic", "bearer", "none"]),
  scope: text.nullable(),
  encoding: z.union([z.enum(["raw", "json"]), z.strictObject({ space: z.enum(["+", "%20"]), kept: text })]),
  recognise: z.strictObject({
    header: text.optional(),
    value: pattern.optional(),
    contentType: pattern.optional(),
    body: pattern.optional(),
  }),
  behaviour: z.array(text).min(1),
  requests: z.array(z.strictObject({ name: text, asked: text, headers: z.array(z.tuple([text, text])), body: text })),
  expects: z
    .array(z.strictObject({ finding: text, when: z.enum(WHENS), sees: text, fails: z.literal(false).optional() }))
    .min(5),
});

const FINDING = z.strictObject({
  id: z.string().regex(/^[A-Z][A-Z0-9_]+$/),
  level: z.enum(["finding", "note"]),
  title: text,
  mend: z.strictObject({ endpoint: text, client: text }),
});

const SERVER = z.strictObject({
  id: text,
  name: text,
  recognise: z.strictObject({
    path: pattern.optional(),
    header: text.optional(),
    body: pattern.optional(),
    issuer: pattern.optional(),
  }),
  settings: z.record(text, text),
});

const ids = kit.findings.map(({ id }) => id);

describe("the files have the shape that conformance/README.md describes", () => {
  test.each(kit.clients.map((client) => [client.id, client] as const))("%s", (_, client) => {
    expect(() => CLIENT.parse(client)).not.toThrow();
  });

  test("findings and servers", () => {
    expect(() => z.array(FINDING).parse(kit.findings)).not.toThrow();
    expect(() => z.array(SERVER).parse(kit.servers)).not.toThrow();
    expect(kit.version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe("names", () => {
  test("each is there once", () => {
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(kit.clients.map(({ id }) => id)).size).toBe(kit.clients.length);
  });

  test.each(kit.clients.map((client) => [client.id, client] as const))(
    "%s expects only what is a finding",
    (_, client) => {
      expect(client.expects.map(({ finding }) => finding).filter((id) => !ids.includes(id))).toEqual([]);
      expect(new Set(client.expects.map(({ finding }) => finding)).size).toBe(client.expects.length);
      const others = kit.clients.map(({ id }) => id);
      if (client.sameCodeAs !== undefined) expect(others).toContain(client.sameCodeAs);
    },
  );

  test.each(kit.servers.map((server) => [server.id, server] as const))(
    "%s has settings only for findings",
    (_, server) => {
      expect(Object.keys(server.settings).filter((id) => !ids.includes(id))).toEqual([]);
    },
  );

  test.each(
    kit.clients.filter(({ sameCodeAs }) => sameCodeAs !== undefined).map((client) => [client.id, client] as const),
  )("%s meets whatever the client meets whose code it shares", (_, client) => {
    const kin = kit.clients.find(({ id }) => id === client.sameCodeAs);
    const met = new Set(client.expects.map(({ finding }) => finding));
    expect(kin?.expects.map(({ finding }) => finding).filter((id) => !met.has(id))).toEqual([]);
  });

  test("the clients that people use are there", () => {
    const clients = kit.clients.map(({ id }) => id);
    const wanted = ["iceberg-java", "iceberg-java-1.10", "pyiceberg", "pyiceberg-oauth2", "iceberg-go", "iceberg-rust"];
    const more = [
      "duckdb",
      "clickhouse",
      "trino-user",
      "dremio",
      "polaris-sdk",
      "polaris-cli",
      "kafka",
      "grpc-go",
      "grpc-core",
    ];
    expect(clients).toEqual(expect.arrayContaining([...wanted, ...more]));
  });

  test("every finding is suffered by a client", () => {
    const suffered = new Set(kit.clients.flatMap(({ expects }) => expects.map(({ finding }) => finding)));
    const nobody = kit.findings.filter(({ id, level }) => level === "finding" && !suffered.has(id)).map(({ id }) => id);
    expect(nobody).toEqual([]);
  });
});

test("every finding has a heading in docs/doctor.md, and no heading is of none", () => {
  const page = readFileSync(join(ROOT, "docs/doctor.md"), "utf8");
  const headings = [...page.matchAll(/^### ([A-Z0-9_]+)$/gm)].map(([, id = ""]) => id);
  expect(headings.toSorted()).toEqual(ids.toSorted());
});

describe("a recorded request", () => {
  const recorded = (client: string): object[] => {
    const file = join(ROOT, `test/e2e/captures/${client}.jsonl`);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as object);
  };

  test.each([
    ["iceberg-java", "java-iceberg-core-1.12.0"],
    ["pyiceberg", "pyiceberg-0.12.0"],
    ["iceberg-go", "go-iceberg-go-0.7.0"],
    ["iceberg-rust", "rust-iceberg-catalog-rest-0.10.1"],
    ["polaris-sdk", "apache-polaris-1.8.0"],
    ["duckdb", "duckdb-iceberg"],
    ["clickhouse", "clickhouse"],
  ])("%s starts as it did on the wire", (id, file) => {
    const client = kit.clients.find((one) => one.id === id) ?? expect.fail();
    const scope = client.scope ?? undefined;
    const { body, headers } = fillRequest(client, "start", { id: "{id}", secret: "{secret}", scope });
    const plain = body.replaceAll(/%7B|%7D/g, (brace) => (brace === "%7B" ? "{" : "}"));
    const sent = headers.filter(([name]) => name !== "Authorization");
    const same = recorded(file).filter((line) => {
      const wire = line as { body: string; headers: [string, string][] };
      const kept = wire.headers.filter(([name]) => !["Accept-Encoding", "Authorization"].includes(name));
      return wire.body === plain && JSON.stringify(kept) === JSON.stringify(sent);
    });
    expect(same.length, `${plain} ${JSON.stringify(sent)}`).toBeGreaterThan(0);
  });

  test("encodes values as its client does", () => {
    const secret = "s3cr:et+/ %&é=~*";
    const spelled = (id: string, name = "start"): string => {
      const client = kit.clients.find((one) => one.id === id) ?? expect.fail();
      return fillRequest(client, name, { id: "etl", secret, scope: "catalog", token: "t" }).body;
    };
    expect(spelled("iceberg-java")).toContain("client_secret=s3cr%3Aet%2B%2F+%25%26%C3%A9%3D%7E*");
    expect(spelled("pyiceberg")).toContain("client_secret=s3cr%3Aet%2B%2F+%25%26%C3%A9%3D~%2A");
    expect(spelled("clickhouse")).toContain("client_secret=s3cr%3Aet%2B%2F%20%25%26%C3%A9%3D~%2A");
    expect(spelled("grpc-core", "exchange")).toContain("grant_type=urn:ietf:params");
  });

  test("leaves out an id and a scope that there is not", () => {
    const java = kit.clients.find(({ id }) => id === "iceberg-java") ?? expect.fail();
    const { body } = fillRequest(java, "start", { id: undefined, secret: "s", scope: undefined });
    expect(body).toBe("grant_type=client_credentials&client_secret=s");
    const basic = fillRequest(java, "refresh-by-basic", {
      id: undefined,
      secret: "s",
      scope: "c",
      token: "t",
      token_kind: "k",
    });
    expect(basic.headers).toContainEqual(["Authorization", `Basic ${btoa("s")}`]);
  });
});

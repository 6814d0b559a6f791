import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { clientNew } from "../../src/cli/client-new.js";
import { looksGenerated } from "../../src/config/clients/secret.js";
import { read } from "../config/settings.js";

function run(...args: readonly string[]) {
  let out = "";
  let err = "";
  const code = clientNew({
    args,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    randomBytes,
  });
  return { code, out, err };
}

test("prints a generated secret once, and YAML that holds its digest alone and is read as it stands", () => {
  const { code, out, err } = run("spark-etl");
  const secrets = out.match(/icm_\w+/g) ?? [];
  expect({ code, err, count: secrets.length }).toEqual({ code: 0, err: "", count: 1 });
  const [secret = ""] = secrets;
  expect(looksGenerated(secret)).toBe(true);

  const yaml = out.slice(out.indexOf("  - id:"));
  const [client] = read({ yaml: `clients:\n${yaml}` }).clients;
  expect(client?.id).toBe("spark-etl");
  expect(client?.secrets).toEqual([
    {
      kind: "digest",
      name: `sha256:${createHash("sha256").update(secret).digest("hex").slice(0, 8)}`,
      sha256: createHash("sha256").update(secret).digest("hex"),
      identifies: true,
      expiresAt: undefined,
    },
  ]);
});

test.each(["123", "~", "@team/spark", "true", "0x10", "null"])(
  "quotes %s where YAML would read something else",
  (id) => {
    const { out } = run(id);
    const yaml = out.slice(out.indexOf("  - id:"));
    expect(read({ yaml: `clients:\n${yaml}` }).clients[0]?.id).toBe(id);
  },
);

test.each([[["a b"]], [["a:b"]], [["ü"]], [["a".repeat(129)]], [[]], [["a", "b"]], [["--help"]], [[""]]])(
  "refuses %j, and makes no secret",
  (args) => {
    const { code, out, err } = run(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/client/);
  },
);

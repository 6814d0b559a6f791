import { expect, test } from "vitest";
import { refusal } from "../settings.js";

const said = (yaml: string): readonly string[] =>
  refusal({ yaml }).problems.map(
    ({ line, reason }) => `${line ?? "?"}: ${reason.replace("is not valid YAML: the line ", "")}`,
  );

test.each([
  [
    "a key one too far right",
    "clients:\n  - id: a\n     grants: [x]\n",
    "3: begins in column 6, line 2 in column 5: move it 1 to the left",
  ],
  [
    "a key one too far left",
    "clients:\n  - id: a\n   grants: [x]\n",
    "3: begins in column 4, line 2 in column 5: move it 1 to the right",
  ],
  [
    "an item one too far left",
    "clients:\n  - id: a\n - id: b\n",
    "3: begins in column 2, line 2 in column 3: move it 1 to the right",
  ],
  [
    "an item one too far right",
    "clients:\n  - id: a\n   - id: b\n",
    "3: begins in column 4, line 2 in column 5: move it 1 to the right",
  ],
  [
    "a section one too far right",
    "issuer: x\n redis: { url: y }\n",
    "2: begins in column 2, line 1 in column 1: move it 1 to the left",
  ],
  [
    "a setting one too far left",
    "tokens:\n  access_ttl: 1h\n session_ttl: 2h\n",
    "3: begins in column 2, line 2 in column 3: move it 1 to the right",
  ],
  [
    "a setting two too far right",
    "tokens:\n  access_ttl: 1h\n    session_ttl: 2h\n",
    "3: begins in column 5, line 2 in column 3: move it 2 to the left",
  ],
  [
    "behind comments, quotes and brackets",
    '# one\nissuer: "a: [b" # two: [\nhttp: { cors_origins: [\n  x ] }\n\nclients:\n  - id: a\n    grants:\n      - x\n   scopes: {}\n',
    "10: begins in column 4, line 8 in column 5: move it 1 to the right",
  ],
  [
    "an id twice",
    "clients:\n  - id: a\n    id: b\n",
    "3: has id a second time: it stands on line 2 already. Remove one of them",
  ],
  [
    "a section twice",
    "issuer: a\nclients: []\nissuer: b\n",
    "3: has issuer a second time: it stands on line 1 already. Remove one of them",
  ],
  ["a tab", "tokens:\n\taccess_ttl: 1h\n", "2: is indented by a tab: indent by spaces"],
  ["no space after a colon", "issuer:https://x\nclients: []\n", "1: needs a space after the colon"],
  ["no colon", "issuer: x\nclients\nlimits: {}\n", "2: needs a colon after the name"],
  ["an open quote", 'issuer: "x\nclients: []\n', "1: opens a quotation mark that nothing closes"],
  ["an open bracket", "clients_files: [a, b\nissuer: x\n", "1: opens a [ that nothing closes"],
  ["an open brace", "redis: { url: x\nissuer: x\n", "1: opens a { that nothing closes"],
  ["a second colon", "issuer: b: c\n", "1: has a second colon: put the value in quotes"],
  [
    "a value that begins with @",
    "issuer: @x\n",
    "1: has a value that begins with one of @ ` %: put the value in quotes",
  ],
  [
    "a second document",
    "issuer: https://x\n---\nclients: []\n",
    "2: begins a second document (---): one file holds one",
  ],
])("%s", (_, yaml, expected) => {
  expect(said(yaml)).toEqual([expected]);
});

test("a pattern that YAML takes for an alias", () => {
  const yaml = "clients:\n  - { id: a, unsecured_subjects: { allow: [*@example.com] } }\n";
  expect(said(yaml).join()).toContain("begins with *, which is an alias in YAML: put the value in quotes");
});

test("a secret that stands where a name belongs is not repeated", () => {
  const secret = "icm_0000000000000000000000000000000000000000";
  expect(said(`clients:\n  - ${secret}: a\n    ${secret}: b\n`).join()).not.toContain(secret);
});

/** Media types and forms: what is repeated, empty, too much, broken, or named like what JavaScript objects hold. */
import { Buffer } from "node:buffer";
import { secretOf } from "../world.js";
import { accepted, FORM, GOOD, GRANT, malformed, malformedForm, type OddRequest, refused } from "./odd-request.js";

const SECRET = secretOf("spark");
const form = (body: string) => ({ body });

const TYPES: readonly OddRequest[] = [
  malformed("no Content-Type", { without: ["content-type"] }),
  ...[
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/x-www-form-urlencodedx",
    "application/x-www-form-urlencode",
    "application/x-www-form-urlencoded, application/json",
    "application/x-www-form-urlencoded application/json",
    "x-www-form-urlencoded",
    "application/*",
    "*/*",
    "application/grpc",
    ";",
    "",
    `${FORM}; charset=utf-16`,
    `${FORM}; charset=iso-8859-1`,
    `${FORM}; charset="utf-16"`,
    `${FORM}; charset=`,
    `${FORM}; charset=utf-8; charset=utf-16`,
    `${FORM};charset=utf-7`,
  ].map((type) => malformed(`Content-Type ${JSON.stringify(type)}`, { headers: [`Content-Type: ${type}`] })),
  ...["application/json", "Application/JSON; charset=utf-8"].map((type) =>
    accepted(`a JSON body as ${type}`, {
      headers: [`Content-Type: ${type}`],
      body: JSON.stringify({ grant_type: "client_credentials", client_id: "spark", client_secret: SECRET }),
    }),
  ),
  ...[
    FORM.toUpperCase(),
    `${FORM};charset=UTF-8`,
    `${FORM}; charset=utf-8`,
    `${FORM} ; charset="utf-8"`,
    `${FORM};`,
    `${FORM}; boundary=x`,
    `  ${FORM}  `,
  ].map((type) => accepted(`Content-Type ${JSON.stringify(type)}`, { headers: [`Content-Type: ${type}`] })),
];

const KNOWN = [
  "grant_type",
  "client_id",
  "client_secret",
  "scope",
  "client_assertion",
  "client_assertion_type",
  "assertion",
  "subject_token",
  "subject_token_type",
  "actor_token",
  "actor_token_type",
  "requested_token_type",
  "refresh_token",
];

const REPEATS: readonly OddRequest[] = [
  ...KNOWN.map((name) => malformedForm(`${name} twice with equal values`, `${name}=a&${name}=a&${GOOD}`)),
  malformedForm("client%5Fid beside client_id", `${GOOD}&client%5Fid=spark`),
  malformedForm("%63lient_id beside client_id", `${GOOD}&%63lient_id=spark`),
  malformedForm("client%5fsecret beside client_secret", `client%5fsecret=x&${GOOD}`),
  malformedForm("GRANT_TYPE spelt in escapes altogether", `${GOOD}&${escaped("grant_type")}=client_credentials`),
  malformedForm("scope twice, once empty", `${GOOD}&scope=catalog&scope=`),
  malformedForm("scope twice, once without =", `${GOOD}&scope&scope=catalog`),
  malformedForm("grant_type twice, the first empty", `grant_type=&${GOOD}`),
  accepted("audience twice", form(`${GOOD}&audience=https://tokens.example.com&audience=https://catalog.example.com`)),
  accepted("resource twice with one value", form(`${GOOD}${"&resource=https://catalog.example.com".repeat(2)}`)),
  accepted("an unknown parameter a few times", form(`${GOOD}&x=1&x=2&x=3`)),
];

const EMPTY: readonly OddRequest[] = [
  malformedForm("grant_type empty", GOOD.replace(GRANT, "grant_type=")),
  malformedForm("grant_type without =", GOOD.replace(GRANT, "grant_type")),
  malformedForm("nothing but &", "&&&&"),
  malformedForm("nothing but =", "="),
  malformedForm("values without names", "=client_credentials&=spark"),
  refused("client_secret empty", 401, "invalid_client", form(`${GRANT}&client_id=spark&client_secret=`)),
  refused("client_id empty, a foreign secret", 401, "invalid_client", form(`${GRANT}&client_id=&client_secret=x`)),
  refused("client_id and client_secret empty", 401, "invalid_client", form(`${GRANT}&client_id=&client_secret=`)),
  accepted("all others empty", form(`${GOOD}&scope=&audience=&resource=&client_assertion=&subject_token=`)),
  accepted("& in front, behind and doubled", form(`&&${GOOD}&&&scope=catalog&`)),
];

const LIMITS: readonly OddRequest[] = [
  malformedForm("65 parameters", `${GOOD}${"&x=1".repeat(62)}`),
  malformedForm("10,000 parameters", `${GOOD}${"&x=1".repeat(10_000)}`),
  accepted("64 parameters", form(`${GOOD}${"&x=1".repeat(61)}`)),
  malformedForm("a scope of 5,000 characters", `${GOOD}&scope=${"s".repeat(5000)}`),
  malformedForm("a scope of 200,000 characters", `${GOOD}&scope=${"s".repeat(200_000)}`),
  refused("a scope of 101 words", 400, "invalid_scope", form(`${GOOD}&scope=${numbered(101)}`)),
  refused("a scope of 100 words that nobody has", 400, "invalid_scope", form(`${GOOD}&scope=${numbered(100)}`)),
  malformedForm("a client_id of 5,000 characters", `${GRANT}&client_id=${"c".repeat(5000)}&client_secret=x`),
  malformedForm("a client_secret of 17,000 characters", `${GRANT}&client_id=spark&client_secret=${"c".repeat(17_000)}`),
  malformedForm("a grant_type of 5,000 characters", `grant_type=${"g".repeat(5000)}`),
  malformedForm("a grant_type of 5,000 escapes", `grant_type=${"%67".repeat(5000)}`),
  malformedForm("a client_assertion of 17,000 characters", `${GRANT}&client_assertion=${"a".repeat(17_000)}`),
  malformedForm("an audience of 5,000 characters", `${GOOD}&audience=${"a".repeat(5000)}`),
  accepted("an unknown parameter of 200,000 characters", form(`${GOOD}&x=${"x".repeat(200_000)}`)),
  accepted("an unknown name of 200,000 characters", form(`${GOOD}&${"x".repeat(200_000)}=1`)),
];

const ENCODING: readonly OddRequest[] = [
  ...[
    "%",
    "%z1",
    "%4",
    "a%",
    "%u0041",
    "%%41",
    "%FF",
    "%C3",
    "%C0%AF",
    "%ED%A0%80",
    "%F5%80%80%80",
    "%E2%28%A1",
  ].flatMap((value) => [
    malformedForm(`scope ${value}`, `${GOOD}&scope=${value}`),
    malformedForm(`client_secret ${value}`, `${GRANT}&client_id=spark&client_secret=${value}`),
  ]),
  malformedForm("grant_type %FF", "grant_type=%FF"),
  malformedForm("a raw byte FF in scope", Buffer.concat([Buffer.from(`${GOOD}&scope=`), Buffer.of(0xff)])),
  malformedForm(
    "a raw lone surrogate in client_id",
    Buffer.concat([Buffer.from(`${GRANT}&client_id=`), Buffer.from("eda080", "hex")]),
  ),
  malformedForm("a form in UTF-16", Buffer.from(GOOD, "utf16le")),
  malformedForm("a byte order mark in front", `\ufeff${GOOD}`),
  malformedForm("an escaped byte order mark in front", `%EF%BB%BF${GOOD}`),
  refused("a NUL in client_id", 401, "invalid_client", form(`${GRANT}&client_id=spark%00&client_secret=${SECRET}`)),
  refused("a NUL in client_secret", 401, "invalid_client", form(`${GRANT}&client_id=spark&client_secret=${SECRET}%00`)),
  refused("a newline in client_id", 401, "invalid_client", form(`${GRANT}&client_id=spark%0A&client_secret=${SECRET}`)),
  refused("a space behind client_id", 401, "invalid_client", form(`${GRANT}&client_id=spark+&client_secret=${SECRET}`)),
  refused("client_id in capitals", 401, "invalid_client", form(`${GRANT}&client_id=SPARK&client_secret=${SECRET}`)),
  refused(
    "client_secret in capitals",
    401,
    "invalid_client",
    form(`${GRANT}&client_id=spark&client_secret=${SECRET.toUpperCase()}`),
  ),
  refused(
    "client_id in wide letters",
    401,
    "invalid_client",
    form(`${GRANT}&client_id=${encodeURIComponent("ｓｐａｒｋ")}&client_secret=${SECRET}`),
  ),
  refused(
    "client_id with a zero-width joiner",
    401,
    "invalid_client",
    form(`${GRANT}&client_id=spark%E2%80%8D&client_secret=${SECRET}`),
  ),
  accepted(
    "all of it in escapes",
    form([...new URLSearchParams(GOOD)].map((pair) => pair.map(escaped).join("=")).join("&")),
  ),
  accepted("broken escapes in unknown names and values", form(`${GOOD}&%zz=%&%FF=%C0&x=%`)),
  malformedForm("; between the parameters", GOOD.replaceAll("&", ";").replace("grant_type=", "x=")),
  refused("; between the parameters behind grant_type", 400, "unsupported_grant_type", form(GOOD.replaceAll("&", ";"))),
  malformedForm("newlines between the parameters", `x=1\n${GOOD.replaceAll("&", "\n")}`),
  malformedForm(
    "JSON",
    JSON.stringify({ grant_type: "client_credentials", client_id: "spark", client_secret: SECRET }),
  ),
  malformedForm("XML", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'),
  malformedForm(
    "multipart",
    `--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--x--\r\n`,
  ),
];

const NAMES: readonly OddRequest[] = [
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "prototype",
    "__proto__[grant_type]",
    "then",
    "length",
  ].map((name) => accepted(`a parameter named ${name}`, form(`${name}=1&${name}=2&${GOOD}`))),
  ...[
    "__proto__[grant_type]",
    "grant_type[]",
    "grant_type[0]",
    "Grant_Type",
    "GRANT_TYPE",
    " grant_type",
    "grant-type",
    "grantType",
    "grant_type%00",
    "grant.type",
  ].map((name) => malformedForm(`${name} for grant_type`, GOOD.replace("grant_type", name))),
  refused("__proto__ as grant_type", 400, "unsupported_grant_type", form("grant_type=__proto__")),
  refused("constructor as grant_type", 400, "unsupported_grant_type", form("grant_type=constructor")),
  refused("__proto__ as client_id", 401, "invalid_client", form(`${GRANT}&client_id=__proto__&client_secret=x`)),
  refused("constructor as client_id", 401, "invalid_client", form(`${GRANT}&client_id=constructor&client_secret=x`)),
];

/** Every character as an escape. */
function escaped(text: string): string {
  return Buffer.from(text).toString("hex").replaceAll(/../g, "%$&");
}

function numbered(words: number): string {
  return Array.from({ length: words }, (_, index) => `w${index}`).join("+");
}

export const FORMS: readonly OddRequest[] = [...TYPES, ...REPEATS, ...EMPTY, ...LIMITS, ...ENCODING, ...NAMES];

/** Which product answers, by its address, its headers and its words. */
import type { Answer } from "./exchange.js";
import type { KnownServer } from "./kit.js";
import { accessToken, readClaims } from "./oauth-answer.js";

/** Undefined for one that is not known. */
export function recogniseServer(
  servers: readonly KnownServer[],
  url: URL,
  answers: readonly Answer[],
): KnownServer | undefined {
  return servers.find((server) => fits(server, url, answers));
}

function fits({ recognise }: KnownServer, url: URL, answers: readonly Answer[]): boolean {
  const { path, header, body, issuer } = recognise;
  if (path !== undefined && new RegExp(path).test(url.pathname)) return true;
  if (header !== undefined && answers.some(({ headers }) => header in headers)) return true;
  if (body !== undefined && answers.some((answer) => new RegExp(body).test(answer.body))) return true;
  return issuer !== undefined && answers.some((answer) => new RegExp(issuer).test(issuerOf(answer)));
}

function issuerOf(answer: Answer): string {
  const issuer = readClaims(accessToken(answer) ?? "")?.["iss"];
  return typeof issuer === "string" ? issuer : "";
}

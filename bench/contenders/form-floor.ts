/** The floor below the form endpoint: a bare `node:http` server that parses, checks, signs (or verifies and signs). */
import { createServer } from "node:http";
import { checkSecret, mintToken, readToken, tokenAnswer } from "./floor-work.js";
import { announce } from "./announce.js";

function answer(form: URLSearchParams, authorization: string | undefined) {
  const scope = form.get("scope") ?? "";
  if (form.get("grant_type") === "client_credentials") {
    const clientId = form.get("client_id");
    checkSecret(clientId, form.get("client_secret"));
    return tokenAnswer(mintToken(clientId ?? "", scope), scope);
  }
  const subject = form.get("subject_token") ?? "";
  if (authorization !== `Bearer ${subject}`) throw new Error("invalid_client");
  const claims = readToken(subject);
  return tokenAnswer(mintToken(claims.sub, claims.scope), claims.scope);
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const body = JSON.stringify(answer(form, request.headers.authorization));
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" }).end(body);
  });
});
announce(server);

import { checkSecret, mintToken, tokenAnswer } from "./floor-work.js";

/** GetToken by client credentials, without any rule of icemint's. */
export function grpcAnswer({
  clientId,
  clientSecret,
  scope,
}: {
  clientId: string;
  clientSecret: string;
  scope: string;
}) {
  checkSecret(clientId, clientSecret);
  const answer = tokenAnswer(mintToken(clientId, scope), scope);
  return {
    accessToken: answer.access_token,
    tokenType: answer.token_type,
    expiresIn: answer.expires_in,
    issuedTokenType: answer.issued_token_type,
    scope,
  };
}

/** Presents forgeries wherever a token can stand, on both transports, and tells what was not refused as it should be. */
import type { RunningApp } from "../support/running-app.js";
import type { Forgery } from "./forged-texts.js";
import { fits, grpcClient, type Place, presentByForm, presentByGrpc, refusalIn } from "./present-token.js";

/** What went wrong, a line for each; none if all is well. `own` is a live token of client spark. */
export async function notRefusedBy(
  app: RunningApp,
  forgeries: readonly Forgery[],
  places: readonly Place[],
  own: string,
): Promise<string[]> {
  const wrong: string[] = [];
  const grpc = grpcClient(app);
  const check = async ({ name, token }: Forgery, place: Place): Promise<void> => {
    const { status, error, code } = refusalIn(place);
    const answer = await presentByForm(app, place, token, own);
    if (answer.status !== status || answer.json["error"] !== error) {
      wrong.push(`${place}: ${name}: ${answer.status} ${answer.text}`);
    }
    const [, payload = "", signature = ""] = token.split(".");
    for (const part of [token, payload, signature]) {
      if (part.length > 20 && answer.text.includes(part)) wrong.push(`${place}: ${name}: the answer quotes it`);
    }
    const refusal = await presentByGrpc(grpc, place, token, own);
    if (refusal?.code !== code) {
      wrong.push(`${place} over gRPC: ${name}: ${refusal?.code ?? "taken"} ${refusal?.rawMessage ?? ""}`);
    }
  };
  for (const forgery of forgeries) {
    await Promise.all(places.filter((place) => fits(place, forgery.token)).map((place) => check(forgery, place)));
  }
  return wrong;
}

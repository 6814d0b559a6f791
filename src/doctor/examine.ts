/** All checks, in order. At most 40 requests; one has a wrong secret. */
import { type Examination, isGranted } from "./examination.js";
import { tryExchanges, tryLimits, tryVariants } from "./leftovers.js";
import { accessToken } from "./oauth-answer.js";
import { type Held, tryRefreshes } from "./refreshes.js";
import { isSafeTarget } from "./credential.js";
import { type Start, tryStarts } from "./starts.js";

/** Returns the token that was granted, if one was. Throws CannotRun. */
export async function examine(examination: Examination): Promise<Held | undefined> {
  const { seen, options, untried } = examination;
  if (!isSafeTarget(options.url)) seen.add("INSECURE_TRANSPORT", `${options.url.protocol}//${options.url.host}`);
  const starts = await tryStarts(examination);
  const working = starts.find(({ outcome }) => isGranted(outcome));
  const held = working === undefined ? undefined : holdOf(working);
  if (working === undefined || held === undefined) {
    untried.push("everything that needs a token: there is none");
    return undefined;
  }
  const ways = { form: byWay(starts, "form"), basic: byWay(starts, "basic") };
  await tryVariants(examination, ways, held);
  await tryRefreshes(examination, held);
  await tryExchanges(examination, ways, held);
  await tryLimits(examination, working);
  examination.finish();
  return held;
}

function byWay(starts: readonly Start[], way: "form" | "basic"): Start | undefined {
  return starts.find(({ client, outcome }) => client.authentication === way && isGranted(outcome));
}

function holdOf({ outcome, scope }: Start): Held | undefined {
  const token = outcome.kind === "answer" ? accessToken(outcome) : undefined;
  return token === undefined || outcome.kind !== "answer" ? undefined : { token, answer: outcome, scope };
}

/**
 * A client as PyIceberg and iceberg-go are: client credentials over a kept connection, nothing tried again. It asks far
 * more often than they do: each refusal shows.
 */
import { type ClientOptions, FORMS, pause } from "../client.js";
import { FormCaller } from "../form-caller.js";

/** Runs it: a token every `everyMs`. */
export async function runSteadyClient(options: ClientOptions & { readonly everyMs: number }): Promise<void> {
  const { who, url, history, signal, everyMs } = options;
  using caller = new FormCaller(who, url, history);
  while (!signal.aborted) {
    await caller.post({ what: "client_credentials", form: FORMS.clientCredentials });
    await pause(everyMs, signal);
  }
}

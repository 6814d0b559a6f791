/** A whole run: the endpoint, then the catalog. The one entry for the command, and for tests. */
import { askCatalog } from "./ask-catalog.js";
import type { Credential } from "./credential.js";
import { Examination } from "./examination.js";
import { examine } from "./examine.js";
import { Exchange } from "./exchange.js";
import type { Kit } from "./kit.js";
import { accessToken, readObject } from "./oauth-answer.js";
import { recogniseServer } from "./recognise-server.js";
import { type Report, makeReport } from "./report.js";
import { CannotRun } from "./starts.js";

export interface Diagnosis {
  readonly kit: Kit;
  readonly url: URL;
  readonly credential: Credential;
  readonly scope?: string | undefined;
  readonly catalog?: URL | undefined;
  readonly warehouse?: string | undefined;
  /** A PEM text of further authorities. */
  readonly ca?: string | undefined;
  readonly timeoutMs: number;
  readonly waitMs: number;
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Never rejects for what an endpoint does. */
export async function diagnose(diagnosis: Diagnosis): Promise<Report> {
  const { kit, url, credential, catalog, warehouse } = diagnosis;
  using exchange = new Exchange(diagnosis);
  const examination = new Examination({ ...diagnosis, exchange });
  const { seen, untried, answers } = examination;
  let error: string | undefined;
  let said: string | undefined;
  try {
    const held = await examine(examination);
    if (catalog !== undefined && held === undefined) untried.push("the catalog: there is no token for it");
    if (catalog !== undefined && held !== undefined) {
      said = await askCatalog({ catalog, warehouse, token: held.token }, exchange, seen);
    }
  } catch (thrown) {
    if (!(thrown instanceof CannotRun)) throw thrown;
    error = thrown.message;
  }
  const server = recogniseServer(kit.servers, url, answers);
  const tokens = answers.flatMap((answer) => [accessToken(answer), readObject(answer.body)?.["refresh_token"]]);
  const { id = "", secret } = credential;
  // The pair as Basic has it, too.
  const secrets = [secret, `${id}:${secret}`, ...tokens.filter((token) => typeof token === "string")];
  const shown = `${url.origin}${url.pathname}`;
  const facts = { url: shown, requests: exchange.sent, sightings: seen.all, untried, catalog: said, error, server };
  return makeReport(kit, facts, secrets);
}

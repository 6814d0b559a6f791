/** The findings of a run, with what the kit says about each. People and programs get the same. */
import { clean, redact } from "./clean.js";
import { type Client, type FindingText, type Kit, type KnownServer, WHENS, type When } from "./kit.js";
import type { Sighting } from "./sightings.js";

/** What the user of one client sees. */
export interface Suffering {
  readonly client: string;
  readonly when: When;
  readonly sees: string;
  readonly fails: boolean;
}

/** One entry of `findings` or `notes`. */
export interface Finding {
  readonly id: string;
  /** Ids of conformance/clients. */
  readonly clients: readonly string[];
  /** The gravest of what the clients meet. */
  readonly when: When;
  readonly what: string;
  readonly mend: string;
  readonly sees: readonly Suffering[];
}

/** What `--json` prints. */
export interface Report {
  readonly kit: string;
  readonly url: string;
  /** The product that it seems to be. */
  readonly server: string | undefined;
  readonly requests: number;
  readonly findings: readonly Finding[];
  /** Nothing fails by these with a client's default settings. */
  readonly notes: readonly Finding[];
  readonly untried: readonly string[];
  readonly catalog: string | undefined;
  /** Why nothing more could be found out. */
  readonly error: string | undefined;
}

export interface Facts extends Omit<Report, "kit" | "findings" | "notes" | "server"> {
  readonly sightings: readonly Sighting[];
  readonly server: KnownServer | undefined;
}

/** Characters of what was seen. */
const MOST_EVIDENCE = 400;

/** Everything that a server said is cleaned of secrets. */
export function makeReport(kit: Kit, facts: Facts, secrets: readonly string[]): Report {
  const { sightings, server, ...rest } = facts;
  const say = (text: string): string => clean(redact(text, secrets), MOST_EVIDENCE);
  const texts = new Map(kit.findings.map((text) => [text.id, text]));
  const entries = sightings.flatMap((sighting) => {
    const text = texts.get(sighting.id);
    if (text === undefined) return [];
    const finding = findingOf(kit, text, sighting, server, say);
    // A fault that was met only by clients who do not mind it.
    const isHarmless = sighting.clients !== undefined && finding.sees.length === 0;
    return [{ level: isHarmless ? "note" : text.level, finding }];
  });
  const order = kit.findings.map(({ id }) => id);
  const sorted = entries.toSorted((a, b) => order.indexOf(a.finding.id) - order.indexOf(b.finding.id));
  return {
    ...rest,
    kit: kit.version,
    server: server?.name,
    untried: rest.untried.map(say),
    error: rest.error === undefined ? undefined : say(rest.error),
    findings: sorted.filter(({ level }) => level === "finding").map(({ finding }) => finding),
    notes: sorted.filter(({ level }) => level === "note").map(({ finding }) => finding),
  };
}

function findingOf(
  kit: Kit,
  { id, title, mend }: FindingText,
  sighting: Sighting,
  server: KnownServer | undefined,
  say: (text: string) => string,
): Finding {
  const { clients: only } = sighting;
  const sees = kit.clients.filter((client) => only === undefined || only.includes(client.id)).flatMap(suffersFrom(id));
  const setting = server?.settings[id];
  const there = setting === undefined ? mend.endpoint : `${mend.endpoint} In ${server?.name}: ${setting}.`;
  return {
    id,
    clients: sees.length > 0 ? sees.map(({ client }) => client) : (only ?? []),
    when: gravest(sees),
    what: `${title} Seen: ${say(sighting.evidence)}`,
    mend: `At the endpoint: ${there} At the client: ${mend.client}`,
    sees,
  };
}

function suffersFrom(id: string): (client: Client) => readonly Suffering[] {
  return (client) =>
    client.expects
      .filter(({ finding }) => finding === id)
      .map(({ when, sees, fails = true }) => ({ client: client.id, when, sees, fails }));
}

/** What no client lists is met at the first request. */
function gravest(sees: readonly Suffering[]): When {
  const worst = Math.max(...sees.map(({ when }) => WHENS.indexOf(when)));
  return WHENS[worst] ?? "at once";
}

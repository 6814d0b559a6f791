/** The status page: facts as HTML that needs no script. Owns how they look; knows not where they come from. */
import type { Part } from "./admin.js";
import { Html, markup } from "./html.js";
import { SCRIPT, STYLE } from "./status-style.js";

/** What the page shows. Instants in milliseconds. Never a secret, never a token. */
export interface StatusFacts {
  readonly at: number;
  readonly issuer: string;
  readonly parts: readonly Part[];
  readonly replicas: readonly {
    readonly name: string;
    readonly version: string;
    readonly startedAt: number;
    readonly settingsDigest: string;
    readonly state: string;
    readonly tokensLastHour: number;
    readonly saidAt: number;
  }[];
  readonly keys: readonly {
    readonly kid: string;
    readonly algorithm: string;
    readonly state: string;
    readonly publishedAt: number;
    readonly activatesAt: number | undefined;
    readonly retiredAt: number | undefined;
  }[];
  /** Since when uses are recorded; undefined: nobody knows now. */
  readonly usesSince: number | undefined;
  /** Secrets that end soon or have ended. */
  readonly secrets: readonly {
    readonly client: string;
    readonly name: string;
    readonly expiresAt: number;
    readonly lastUsedAt: number | undefined;
  }[];
  /** Of the last hour, the most frequent first. */
  readonly refusals: readonly {
    readonly reason: string;
    readonly count: number;
    readonly clients: readonly string[];
  }[];
  readonly revocations: {
    readonly counts: readonly (readonly [string, number])[];
    readonly shown: readonly { readonly kind: string; readonly id: string; readonly expiresAt: number }[];
  };
}

export function statusPage(facts: StatusFacts): string {
  const page = markup`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>icemint: status</title><style>${new Html(STYLE)}</style></head>
<body>
<header><h1>icemint</h1><p class="dim"><code>${facts.issuer}</code></p></header>
<main>${[health(facts), replicas(facts), keys(facts), secrets(facts), refusals(facts), revocations(facts)]}</main>
<footer><p class="dim" id="live" role="status">Reload the page to read it again.</p></footer>
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

function health({ at, parts }: StatusFacts): Html {
  const rows = parts.map(
    ({ name, state, detail }) =>
      markup`<tr><td>${name}</td><td class="${state}">${state}</td><td class="long">${detail}</td></tr>`,
  );
  return section(
    "This replica",
    "health",
    markup`<p class="dim">As of ${time(at)}</p>${table("health", ["Part", "State", "Detail"], rows)}`,
  );
}

function replicas({ at, replicas: all }: StatusFacts): Html {
  const rows = all.map(
    (one) =>
      markup`<tr><td>${one.name}</td><td class="${classOf(one.state)}">${one.state}</td><td>${one.version}</td><td><code>${one.settingsDigest}</code></td><td class="number">${one.tokensLastHour}</td><td>${time(one.startedAt)}</td><td>${ago(at - one.saidAt)} ago</td></tr>`,
  );
  const digests = new Set(all.map(({ settingsDigest }) => settingsDigest));
  const differ = digests.size > 1 ? markup`<p class="degraded">Replicas run with different settings.</p>` : undefined;
  const head = ["Replica", "State", "Version", "Settings", "#Tokens, last hour", "Started", "Heard"];
  return section("Replicas", "replicas", markup`${differ}${table("replicas", head, rows)}`);
}

function classOf(state: string): string {
  return state === "ok" || state === "degraded" ? state : "failing";
}

function keys({ at, keys: all }: StatusFacts): Html {
  const from = Math.min(at - 1, ...all.map(({ publishedAt }) => publishedAt));
  const until = Math.max(at + 1, ...all.map(({ activatesAt = 0 }) => activatesAt));
  const rows = all.map(
    (key) =>
      markup`<tr><td><code>${key.kid.slice(0, 12)}…</code></td><td>${key.algorithm}</td><td>${key.state}</td><td>${bar(key, { from, until, at })}</td><td>${key.activatesAt === undefined ? "-" : time(key.activatesAt)}</td><td>${key.retiredAt === undefined ? "-" : time(key.retiredAt)}</td></tr>`,
  );
  const legend = markup`<p class="dim">Light: published, not signing. Full: signing. Grey: kept until its last token ends. Red: now. From ${time(from)} to ${time(until)}.</p>`;
  return section(
    "Signing keys",
    "keys",
    markup`${legend}${table("keys", ["Key", "Algorithm", "State", "Timeline", "Signs from", "Signed until"], rows)}`,
  );
}

function bar(key: StatusFacts["keys"][number], range: { from: number; until: number; at: number }): Html {
  const { from, until, at } = range;
  const place = (instant: number) => Math.round(((instant - from) / (until - from)) * 10_000) / 10;
  const { publishedAt, activatesAt = until, retiredAt } = key;
  const rect = (className: string, begin: number, end: number) =>
    end <= begin
      ? undefined
      : markup`<rect class="${className}" x="${place(begin)}" y="3" width="${Math.max(place(end) - place(begin), 2)}" height="8"/>`;
  const signsUntil = Math.min(retiredAt ?? at, until);
  return markup`<svg viewBox="0 0 1000 14" preserveAspectRatio="none" role="img" aria-label="${key.state}">${rect("waits", publishedAt, Math.min(activatesAt, until))}${rect("signs", activatesAt, signsUntil)}${retiredAt === undefined ? undefined : rect("kept", retiredAt, at)}<rect class="now" x="${Math.min(place(at), 997)}" y="0" width="3" height="14"/></svg>`;
}

function secrets({ at, secrets: all, usesSince }: StatusFacts): Html {
  const rows = all.map(
    ({ client, name, expiresAt, lastUsedAt }) =>
      markup`<tr><td>${client}</td><td><code>${name}</code></td><td class="${expiresAt <= at ? "over" : "soon"}">${expiresAt <= at ? "ended" : "ends"} ${time(expiresAt)}</td><td>${lastUsedAt === undefined ? (usesSince === undefined ? "not known" : "no use recorded") : time(lastUsedAt)}</td></tr>`,
  );
  const since =
    usesSince === undefined
      ? markup`<p class="dim">The shared state is away: no use is known.</p>`
      : markup`<p class="dim">Use is recorded since ${time(usesSince)}.</p>`;
  const found =
    rows.length === 0
      ? markup`<p>No secret ends within 30 days.</p>`
      : markup`${table("secrets", ["Client", "Secret", "End", "Last use"], rows)}${since}`;
  return section("Secrets that end within 30 days", "secrets", found);
}

function refusals({ refusals: all }: StatusFacts): Html {
  const most = Math.max(1, ...all.map(({ count }) => count));
  const rows = all.map(
    ({ reason, count, clients }) =>
      markup`<tr><td>${reason}</td><td class="number">${count}</td><td><svg viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true"><rect class="signs" x="0" y="3" width="${Math.max(1, Math.round((count / most) * 1000))}" height="8"/></svg></td><td class="long">${clients.join(", ")}</td></tr>`,
  );
  const found =
    rows.length === 0
      ? markup`<p>Nothing was refused.</p>`
      : table("refusals", ["Reason", "#Count", "", "Clients"], rows);
  return section("Refused in the last hour", "refusals", found);
}

function revocations({ revocations: { counts, shown } }: StatusFacts): Html {
  const total = counts.map(([kind, count]) => `${count} ${kind}`).join(", ");
  const rows = shown.map(
    ({ kind, id, expiresAt }) =>
      markup`<tr><td>${kind}</td><td class="long"><code>${id}</code></td><td>${time(expiresAt)}</td></tr>`,
  );
  const found =
    rows.length === 0
      ? markup`<p>Nothing is revoked.</p>`
      : markup`<p>${total}</p>${table("revocations", ["Kind", "Of", "Forgotten"], rows)}`;
  return section("Revocations in force", "revocations", found);
}

function section(title: string, id: string, content: Html): Html {
  return markup`<section aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>`;
}

/** Wide tables scroll by themselves, by keyboard too. A column of numbers is marked by `#`. */
function table(id: string, head: readonly string[], rows: readonly Html[]): Html {
  const cells = head.map((name) =>
    name.startsWith("#")
      ? markup`<th scope="col" class="number">${name.slice(1)}</th>`
      : markup`<th scope="col">${name}</th>`,
  );
  return markup`<div class="scroll" id="${id}-scroll" tabindex="0" role="region" aria-labelledby="${id}-title"><table><thead><tr>${cells}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function time(instant: number): Html {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return markup`-`;
  const iso = date.toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")} UTC</time>`;
}

function ago(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}

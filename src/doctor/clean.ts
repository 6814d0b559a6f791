/** Text of strangers, made fit for a terminal. */

const MOST = 300;

/** One line of at most 300 characters without control characters, terminal escapes and direction marks. */
export function clean(text: string, most = MOST): string {
  const line = text
    .slice(0, most * 4)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  return line.length > most ? `${line.slice(0, most)}...` : line;
}

/** The text without the secrets, in any spelling that a server may echo. */
export function redact(text: string, secrets: readonly string[]): string {
  const spellings = secrets
    .filter((secret) => secret.length >= 4)
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      new URLSearchParams({ s: secret }).toString().slice("s=".length),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret, "utf8").toString("base64").replace(/=+$/, ""),
    ])
    .toSorted((a, b) => b.length - a.length);
  return spellings.reduce((left, spelling) => left.replaceAll(spelling, "[redacted]"), text);
}

/** "Did you mean": the known word that a mistyped one is closest to. */

/** A word of fewer letters is the beginning of too many others. */
const MIN_BEGINNING = 4;

/** The closest of `known` within a quarter of its length, or else one that begins like `word` or that it begins with. */
export function closest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance && distance <= Math.max(1, Math.floor(candidate.length / 4))) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? known.find((candidate) => isBeginning(word, candidate) || isBeginning(candidate, word));
}

function isBeginning(beginning: string, word: string): boolean {
  return beginning.length >= MIN_BEGINNING && word.startsWith(beginning);
}

/** Levenshtein's distance: insertions, deletions and replacements. Words past 64 characters are far from everything. */
function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Infinity;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? Infinity;
}

/** A reply that is a list of strings. Throws `TypeError` for anything else: a script and its caller disagree. */
export function stringList(reply: unknown): readonly string[] {
  if (!Array.isArray(reply)) throw new TypeError("Redis did not answer with a list");
  return reply.map((item: unknown) => {
    if (typeof item !== "string") throw new TypeError("Redis did not answer with strings");
    return item;
  });
}

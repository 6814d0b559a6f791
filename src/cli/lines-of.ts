/** Longer than any line that icemint writes. */
const MAX_LINE = 1024 * 1024;

/** The lines of a stream of bytes. One that is too long is left out: it must not take the memory. */
export async function* linesOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let isCut = false;
  for await (const chunk of stream) {
    const lines = (rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!isCut) yield line;
      isCut = false;
    }
    if (rest.length <= MAX_LINE) continue;
    rest = "";
    isCut = true;
  }
  if (rest !== "" && !isCut) yield rest;
}

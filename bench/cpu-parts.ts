import type { Frame } from "./cpu-profile.js";

/** The parts of a request's cost, each told by the functions that belong to it; the first that fits counts. */
const PARTS: readonly (readonly [string, (name: string, url: string) => boolean])[] = [
  ["signature", (name) => name === "signOneShot"],
  ["verification of the subject's signature", (name) => name === "verifyOneShot"],
  ["digest of the secret, constant-time comparison", (name) => /^(hash|hmac|timingSafeEqual|Hmac|digest)$/.test(name)],
  ["handing the answer to the kernel", (name) => /^(writev|writeBuffer|writeUtf8String|writeLatin1String)$/.test(name)],
  ["garbage collection", (name) => name === "(garbage collector)"],
  ["start of the process", (_, url) => /node:internal\/(modules|bootstrap|deps|process\/esm)/.test(url)],
  ["Node: HTTP/1.1, HTTP/2, streams, events", (_, url) => url.startsWith("node:")],
  ["icemint: transport", (_, url) => url.includes("/dist/transport/")],
  ["icemint: audit, metrics, log", (_, url) => url.includes("/dist/telemetry/")],
  ["icemint: clients, grants, tokens, keys", (_, url) => /\/dist\/(?!index|esm|cjs)/.test(url) && !isPackage(url)],
  ["protobuf and Connect", (_, url) => /@bufbuild|@connectrpc/.test(url)],
];

function isPackage(url: string): boolean {
  return url.includes("/node_modules/");
}

/** The share of each part in the time of a profile, the largest first. */
export function partsOf(root: Frame): readonly (readonly [part: string, share: number])[] {
  const times = new Map<string, number>();
  const visit = ({ name, url, selfMicroseconds, children }: Frame): void => {
    const part =
      PARTS.find(([, belongs]) => belongs(name, url))?.[0] ?? "the rest, native code that has no name among it";
    times.set(part, (times.get(part) ?? 0) + selfMicroseconds);
    children.forEach(visit);
  };
  visit(root);
  return Array.from(times, ([part, time]) => [part, time / root.totalMicroseconds] as const).toSorted(
    ([, a], [, b]) => b - a,
  );
}

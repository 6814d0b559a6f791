/** A flame graph as SVG: where the time of a profile went, hottest stacks first. */
import type { Frame } from "./cpu-profile.js";

const WIDTH = 1200;
const ROW = 16;
const TOP = 24;
/** Narrower than this is not drawn. */
const LEAST_WIDTH = 1;
const MAX_DEPTH = 40;

/** Draws a profile. Width is time; a frame stands on its caller. */
export function flameGraphSvg(root: Frame, title: string): string {
  const boxes: string[] = [];
  let deepest = 0;
  const scale = WIDTH / root.totalMicroseconds;
  const draw = (frame: Frame, x: number, depth: number): void => {
    const width = frame.totalMicroseconds * scale;
    if (width < LEAST_WIDTH || depth > MAX_DEPTH) return;
    deepest = Math.max(deepest, depth);
    boxes.push(box(frame, x, depth, width, frame.totalMicroseconds / root.totalMicroseconds));
    let at = x;
    for (const child of frame.children.toSorted((a, b) => b.totalMicroseconds - a.totalMicroseconds)) {
      draw(child, at, depth + 1);
      at += child.totalMicroseconds * scale;
    }
  };
  draw(merged(root), 0, 0);
  const height = TOP + (deepest + 1) * ROW + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="4" y="16" font-size="13" font-weight="bold">${escaped(title)}</text>`,
    ...boxes,
    "</svg>\n",
  ].join("\n");
}

/** The same function called from several lines of one caller is one frame. */
function merged(frame: Frame): Frame {
  const byKey = new Map<string, Frame>();
  for (const child of frame.children) {
    const key = `${child.name} ${child.url}`;
    const known = byKey.get(key);
    byKey.set(key, known === undefined ? child : joined(known, child));
  }
  return { ...frame, children: Array.from(byKey.values(), merged) };
}

function joined(a: Frame, b: Frame): Frame {
  return {
    ...a,
    selfMicroseconds: a.selfMicroseconds + b.selfMicroseconds,
    totalMicroseconds: a.totalMicroseconds + b.totalMicroseconds,
    children: [...a.children, ...b.children],
  };
}

const COLOURS = { icemint: "#7fc8a9", dependency: "#f4c07a", node: "#c9d3e0" } as const;

function box(frame: Frame, x: number, depth: number, width: number, share: number): string {
  const y = TOP + depth * ROW;
  const colour = COLOURS[ownerOf(frame.url)];
  const label = width > 30 ? frame.name.slice(0, Math.floor((width - 6) / 6.7)) : "";
  const hint = `${frame.name} ${frame.url.replace(/^.*\/(dist|node_modules)\//, "")} ${(share * 100).toFixed(1)} %`;
  return (
    `<g><title>${escaped(hint)}</title>` +
    `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour}"/>` +
    (label === "" ? "" : `<text x="${(x + 3).toFixed(1)}" y="${y + 11}">${escaped(label)}</text>`) +
    "</g>"
  );
}

/** Whose code it is: ours, a package's, or Node's. */
export function ownerOf(url: string): keyof typeof COLOURS {
  if (url.includes("/node_modules/")) return "dependency";
  return url.includes("/dist/") ? "icemint" : "node";
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

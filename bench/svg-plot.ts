/** A line chart as SVG, upwards on a linear axis that begins at 0. */

/** One measured point, and how far the rounds reached. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xScale: "linear" | "logarithmic";
  readonly points: readonly Point[];
}

const WIDTH = 640;
const HEIGHT = 320;
const LEFT = 64;
const RIGHT = 24;
const TOP = 44;
const BOTTOM = 52;

export function plotSvg({ title, xLabel, yLabel, xScale, points }: Plot): string {
  const top = niceCeiling(Math.max(...points.map(({ high }) => high)) * 1.1);
  const scaled = (x: number) => (xScale === "linear" ? x : Math.log10(x));
  const places = points.map(({ x }) => scaled(x));
  const [first, last] = [Math.min(...places), Math.max(...places)];
  const at = (x: number) => LEFT + ((scaled(x) - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
  const up = (y: number) => HEIGHT - BOTTOM - (y / top) * (HEIGHT - TOP - BOTTOM);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = up(top * share).toFixed(1);
    return (
      `<path d="M${LEFT} ${y}H${WIDTH - RIGHT}" stroke="#ddd"/>` +
      text(LEFT - 8, Number(y) + 4, String(Number((top * share).toPrecision(3))), "end")
    );
  });
  const marks = points.map(({ x, y, low, high }) => {
    const px = at(x).toFixed(1);
    return (
      `<path d="M${px} ${up(low).toFixed(1)}V${up(high).toFixed(1)}" stroke="#0a6e8a" stroke-opacity=".4" stroke-width="6"/>` +
      `<circle cx="${px}" cy="${up(y).toFixed(1)}" r="4" fill="#0a6e8a"/>` +
      text(Number(px), HEIGHT - BOTTOM + 20, x.toLocaleString("en"), "middle")
    );
  });
  const line = points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${at(x).toFixed(1)} ${up(y).toFixed(1)}`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(LEFT, 20, title, "start", "bold"),
    text(LEFT, 36, yLabel, "start"),
    ...grid,
    `<path d="${line.join("")}" fill="none" stroke="#0a6e8a" stroke-width="2"/>`,
    ...marks,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, xLabel, "middle"),
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, words: string, anchor: "start" | "middle" | "end", weight = "normal"): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-weight="${weight}" fill="#333">${escaped}</text>`;
}

/** The next of 1, 2, 4, 5, 8 times a power of ten, for round quarters. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 5, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}

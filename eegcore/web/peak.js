// @ts-check
/**
 * Bands of the EEG, and the peak a person would point at.
 *
 * The spectrum of EEG falls with frequency: its highest bin between 1 and 45 Hz is nearly always the first.
 * The peak meant here is the bin that stands highest above the falling line: a straight line in log-log is
 * fitted, points far above it are left out, and it is fitted once more. Pure functions.
 */

/** @typedef {{name: string, symbol: string, lowHz: number, highHz: number}} Band */

/** @type {Band[]} */
export const BANDS = [
  { name: "delta", symbol: "δ", lowHz: 1, highHz: 4 },
  { name: "theta", symbol: "θ", lowHz: 4, highHz: 8 },
  { name: "alpha", symbol: "α", lowHz: 8, highHz: 13 },
  { name: "beta", symbol: "β", lowHz: 13, highHz: 30 },
  { name: "gamma", symbol: "γ", lowHz: 30, highHz: 45 },
];

const SYMBOLS = new Map(BANDS.map((band) => [band.name, band.symbol]));

/**
 * Bands as a `meta` message gives them, or the usual ones.
 *
 * @param {any} bands   {"alpha": [8, 13], ...} or [{"name", "low_hz", "high_hz"}, ...] or nothing
 * @returns {Band[]}
 */
export function bandsFrom(bands) {
  if (!bands || typeof bands !== "object") return BANDS;
  const rows = Array.isArray(bands)
    ? bands.map((b) => [b.name, b.low_hz, b.high_hz])
    : Object.entries(bands).map(([name, edges]) => [name, edges?.[0], edges?.[1]]);
  const good = rows.filter(([, low, high]) => Number.isFinite(low) && high > low);
  if (good.length === 0) return BANDS;
  return good.map(([name, lowHz, highHz]) => ({
    name, symbol: SYMBOLS.get(name) ?? name, lowHz, highHz,
  }));
}

/**
 * Find the bin that stands highest above the falling background.
 *
 * @param {ArrayLike<number>} power     PSD, [n_bins]
 * @param {ArrayLike<number>} axisHz    [n_bins]
 * @param {number} [lowHz]
 * @param {number} [highHz]
 * @returns {{bin: number, hz: number, ratio: number} | null} ratio to the background; null if none stands out
 */
export function findPeak(power, axisHz, lowHz = 1, highHz = 45) {
  /** @type {number[]} */
  const bins = [];
  for (let bin = 1; bin < power.length - 1; bin += 1) { // a peak has its neighbours inside as well
    const inside = axisHz[bin - 1] >= lowHz && axisHz[bin + 1] <= highHz;
    if (inside && !isMains(axisHz[bin]) && power[bin] > 0) bins.push(bin);
  }
  if (bins.length < 5) return null;
  const x = bins.map((bin) => Math.log10(axisHz[bin]));
  const y = bins.map((bin) => Math.log10(power[bin]));
  const rough = fitLine(x, y, () => true);
  const spread = Math.sqrt(x.reduce((sum, xi, i) => sum + (y[i] - rough(xi)) ** 2, 0) / x.length);
  const line = fitLine(x, y, (i) => y[i] < rough(x[i]) + spread);

  let best = -1;
  for (let i = 0; i < bins.length; i += 1) {
    const bin = bins[i];
    const isTop = power[bin] >= power[bin - 1] && power[bin] >= power[bin + 1];
    if (isTop && (best < 0 || y[i] - line(x[i]) > y[best] - line(x[best]))) best = i;
  }
  if (best < 0) return null;
  const ratio = 10 ** (y[best] - line(x[best]));
  return ratio >= 4 ? { bin: bins[best], hz: refine(power, axisHz, bins[best]), ratio } : null;
}

/**
 * Mains and what leaks beside it is no peak of the brain.
 * @param {number} hz
 */
function isMains(hz) {
  return Math.abs(hz - 50) < 2 || Math.abs(hz - 60) < 2;
}

/**
 * Top of the parabola through the logarithms of three bins: finer than the bin width.
 *
 * @param {ArrayLike<number>} power @param {ArrayLike<number>} axisHz @param {number} bin
 */
function refine(power, axisHz, bin) {
  const [a, b, c] = [power[bin - 1], power[bin], power[bin + 1]].map((p) => Math.log(Math.max(p, 1e-30)));
  const curvature = a - 2 * b + c;
  const shift = curvature < 0 ? Math.max(-0.5, Math.min(0.5, (a - c) / (2 * curvature))) : 0;
  return axisHz[bin] + shift * (axisHz[bin + 1] - axisHz[bin]);
}

/**
 * Least squares.
 *
 * @param {number[]} x @param {number[]} y @param {(i: number) => boolean} takes
 * @returns {(x: number) => number}
 */
function fitLine(x, y, takes) {
  let [n, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < x.length; i += 1) {
    if (!takes(i)) continue;
    n += 1;
    sx += x[i];
    sy += y[i];
    sxx += x[i] * x[i];
    sxy += x[i] * y[i];
  }
  const determinant = n * sxx - sx * sx;
  const slope = determinant > 0 ? (n * sxy - sx * sy) / determinant : 0;
  const height = n > 0 ? (sy - slope * sx) / n : 0;
  return (xi) => height + slope * xi;
}

// @ts-check
/**
 * What a person chose and wants to find again: scale, time base, theme, topics. Kept in this browser.
 */

export const SCALES_UV = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
export const SCALES_COUNTS = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6];
export const TIME_BASES_S = [2, 5, 10, 20, 30];
export const THEMES = ["dark", "light"];

const KEY = "eegcore.view";

const DEFAULTS = {
  scaleUv: 50,
  scaleCounts: 10_000,
  timeBaseS: 10,
  theme: "dark", // laboratories are dark when it matters
  side: true,
  tab: "spectrum",
  topic: /** @type {string | null} */ (null),
  spectrumTopic: /** @type {string | null} */ (null),
  channel: 0,
};

/** @typedef {typeof DEFAULTS} Settings */

/** @returns {Settings} what was kept, where it still makes sense; else the defaults */
export function loadSettings() {
  const settings = { ...DEFAULTS };
  try {
    const kept = JSON.parse(window.localStorage.getItem(KEY) ?? "{}");
    for (const key of /** @type {(keyof Settings)[]} */ (Object.keys(DEFAULTS))) {
      const wanted = DEFAULTS[key] === null ? "string" : typeof DEFAULTS[key];
      if (typeof kept[key] === wanted) /** @type {any} */ (settings)[key] = kept[key];
    }
  } catch {
    // storage forbidden or broken: the defaults will do
  }
  if (!SCALES_UV.includes(settings.scaleUv)) settings.scaleUv = DEFAULTS.scaleUv;
  if (!SCALES_COUNTS.includes(settings.scaleCounts)) settings.scaleCounts = DEFAULTS.scaleCounts;
  if (!TIME_BASES_S.includes(settings.timeBaseS)) settings.timeBaseS = DEFAULTS.timeBaseS;
  if (!THEMES.includes(settings.theme)) settings.theme = DEFAULTS.theme;
  return settings;
}

/** @param {Settings} settings */
export function keepSettings(settings) {
  try {
    window.localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // nothing depends on it
  }
}

/**
 * The neighbour of a value in a list of steps.
 *
 * @param {number[]} steps @param {number} value @param {number} by   -1 or 1
 */
export function stepped(steps, value, by) {
  const at = steps.indexOf(value) + by;
  return steps[Math.max(0, Math.min(steps.length - 1, at))];
}

/**
 * The smallest scale at which traces keep to their lanes.
 *
 * @param {number[]} steps
 * @param {number[]} peakToPeak   per channel; NaN where unknown
 */
export function fittingScale(steps, peakToPeak) {
  const known = peakToPeak.filter(Number.isFinite).sort((a, b) => a - b);
  if (known.length === 0) return null;
  const typical = known[Math.floor(0.75 * (known.length - 1))]; // one bad channel must not flatten the others
  return steps.find((step) => step >= typical) ?? steps[steps.length - 1];
}

// @ts-check
/**
 * What a person chose and wants to find again: scale, time base, theme, topics. Kept in this browser.
 */

import { KOHM, SCALES } from "./units.js";

/** The setting that keeps the scale of a unit. @type {Record<string, "scaleUv" | "scaleCounts" | "scaleKohm">} */
const SCALE_KEYS = { uV: "scaleUv", counts: "scaleCounts", [KOHM]: "scaleKohm" };

export const TIME_BASES_S = [2, 5, 10, 20, 30];
export const THEMES = ["dark", "light"];

const KEY = "eegcore.view";

const DEFAULTS = {
  scaleUv: 50,
  scaleCounts: 10_000,
  scaleKohm: 50,
  chosenScales: "", // units whose scale a person has chosen; in the others the page fits it
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
  for (const [unit, key] of Object.entries(SCALE_KEYS)) {
    if (!SCALES[unit].includes(settings[key])) settings[key] = DEFAULTS[key];
  }
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

/** @param {Settings} settings @param {string} unit */
export function scaleOf(settings, unit) {
  return settings[SCALE_KEYS[unit] ?? "scaleUv"];
}

/**
 * The settings that change when a scale does.
 *
 * @param {Settings} settings @param {string} unit @param {number} scale
 * @param {boolean} byPerson   chosen, so that the page leaves it alone from now on
 * @returns {Partial<Settings>}
 */
export function withScale(settings, unit, scale, byPerson) {
  const chosen = new Set(settings.chosenScales.split(" ").filter(Boolean));
  if (byPerson) chosen.add(unit);
  return { [SCALE_KEYS[unit] ?? "scaleUv"]: scale, chosenScales: [...chosen].join(" ") };
}

/** @param {Settings} settings @param {string} unit */
export function isChosen(settings, unit) {
  return settings.chosenScales.split(" ").includes(unit);
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

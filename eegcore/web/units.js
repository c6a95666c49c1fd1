// @ts-check
/**
 * Units as people read them, and the steps of the scale in each. Pure.
 */

/** What the impedance stage writes. */
export const KOHM = "kOhm";

/** Steps of the scale, per division. µV go beyond the rails of a chip at gain 1. @type {Record<string, number[]>} */
export const SCALES = {
  uV: [5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6],
  counts: [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6],
  [KOHM]: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3],
};

/** The steps for a unit; those of µV if it has none of its own. @param {string} unit */
export function scalesOf(unit) {
  return SCALES[unit] ?? SCALES.uV;
}

/** @param {string} unit */
export function unitText(unit) {
  return /** @type {Record<string, string>} */ ({ uV: "µV", "uV^2": "µV²", "uV^2/Hz": "µV²/Hz", [KOHM]: "kΩ" })[unit] ?? unit;
}

/**
 * A length on the scale: "50 µV", "20 mV", "50 kΩ", "10 000 counts".
 * @param {number} value @param {string} unit
 */
export function scaleText(value, unit) {
  if (unit === "uV" && value >= 1e6) return `${value / 1e6} V`;
  if (unit === "uV" && value >= 1e4) return `${value / 1000} mV`;
  const number = value >= 10_000 ? value.toLocaleString("en").replaceAll(",", "\u202f") : String(value);
  return `${number} ${unitText(unit)}`;
}

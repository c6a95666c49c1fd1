// @ts-check
/**
 * What an electrode's impedance means, in words. Pure.
 *
 * The limits are the field's habit for wet electrodes on amplifiers of some GOhm input impedance: to 10 kOhm
 * nothing is lost, to 50 kOhm mains hum grows but the EEG is whole, above it the electrode wants more gel.
 */

export const GOOD_KOHM = 10;
export const FAIR_KOHM = 50;

/** @typedef {"good"|"fair"|"poor"|"off"|"waiting"|"unmeasured"} Rating */

/** Word and sign of each rating: the meaning never hangs on the colour alone. */
export const RATINGS = Object.freeze({
  good: { word: "good", sign: "good" },
  fair: { word: "fair", sign: "warning" },
  poor: { word: "poor", sign: "error" },
  off: { word: "off", sign: "error" },
  waiting: { word: "measuring", sign: "idle" },
  unmeasured: { word: "no current", sign: "idle" },
});

/**
 * @param {number | undefined} kohm   NaN where the input is at its rails: no contact; undefined before any value
 * @param {boolean} hasCurrent        false for a channel that gets no lead-off current
 * @returns {Rating}
 */
export function ratingOf(kohm, hasCurrent = true) {
  if (!hasCurrent) return "unmeasured";
  if (kohm === undefined) return "waiting";
  if (!Number.isFinite(kohm)) return "off";
  if (kohm <= GOOD_KOHM) return "good";
  return kohm <= FAIR_KOHM ? "fair" : "poor";
}

/**
 * Two digits are what a measurement of 6 nA is good for: 3.2, 12, 150 kΩ, 1.5 MΩ.
 * @param {number | undefined} kohm
 */
export function kohmText(kohm) {
  if (kohm === undefined || !Number.isFinite(kohm)) return "–";
  if (kohm >= 999.5) return `${(kohm / 1000).toFixed(1)} MΩ`;
  return `${kohm < 9.95 ? kohm.toFixed(1) : Math.round(kohm)} kΩ`;
}

/**
 * What stands large in a tile, and the word below it.
 * @param {Rating} rating @param {number | undefined} kohm
 * @returns {[string, string]}
 */
export function tileTexts(rating, kohm) {
  return rating === "off" ? ["off", "no value"] : [kohmText(kohm), RATINGS[rating].word];
}

/** "5 good · 2 fair · 1 poor". @param {Rating[]} ratings */
export function summaryText(ratings) {
  return /** @type {Rating[]} */ (Object.keys(RATINGS))
    .map((rating) => ({ rating, n: ratings.filter((other) => other === rating).length }))
    .filter(({ n }) => n > 0)
    .map(({ rating, n }) => `${n} ${RATINGS[rating].word}`)
    .join(" · ");
}

/** Age of a value: "0.4 s old", "12 s old", "3 min old". @param {number} seconds */
export function ageText(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s old`;
  return seconds < 90 ? `${Math.round(seconds)} s old` : `${Math.round(seconds / 60)} min old`;
}

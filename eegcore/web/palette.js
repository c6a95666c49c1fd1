// @ts-check
/**
 * Colours for the canvases, read from the style sheet: a theme lives in one place.
 */

const N_TRACES = 8; // then they repeat; neighbours always differ

/**
 * @typedef {object} Palette
 * @property {string[]} traces   told apart with any colour vision; channel c has traces[c % 8]
 * @property {string} grid @property {string} zero @property {string} lane @property {string} gap
 * @property {string} gapEdge @property {string} text @property {string} dim @property {string} warn
 * @property {string} bad @property {string} accent @property {string} band @property {string} font
 */

/**
 * @returns {Palette} of the theme in use
 */
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  /** @param {string} name */
  const value = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    traces: Array.from({ length: N_TRACES }, (_, i) => value(`trace-${i}`)),
    grid: value("grid"),
    zero: value("zero"),
    lane: value("lane"),
    gap: value("gap"),
    gapEdge: value("gap-edge"),
    text: value("text"),
    dim: value("dim"),
    warn: value("warn"),
    bad: value("bad"),
    accent: value("accent"),
    band: value("band"),
    font: value("font"),
  };
}

/**
 * Give a canvas as many pixels as it covers on the screen.
 *
 * @param {HTMLCanvasElement} canvas
 * @returns {{width: number, height: number, scale: number}} in device pixels, and device pixels per CSS pixel
 */
export function fitCanvas(canvas) {
  const scale = window.devicePixelRatio || 1;
  const box = canvas.getBoundingClientRect();
  const width = Math.max(1, Math.round(box.width * scale));
  const height = Math.max(1, Math.round(box.height * scale));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  return { width, height, scale };
}

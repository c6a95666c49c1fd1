// @ts-check
/**
 * The spectrum of the chosen channel: logarithmic power, bands, peak.
 *
 * A stream in dB is turned back into power, averaged and drawn like any other; its axis is in dB. Spectra of single windows jump by half their height; what is drawn is their running average, and the newest
 * one faintly behind it. The average starts anew when the channel or the stream changes.
 */

import { fitCanvas } from "./palette.js";
import { bandsFrom, findPeak } from "./peak.js";
import { unitText } from "./units.js";

/** @typedef {import("./palette.js").Palette} Palette */
/** @typedef {import("./peak.js").Band} Band */

const SHOWN_HZ = 65; // the EEG, and both mains frequencies
const NEWEST_WEIGHT = 0.25;
const LEAST_SPECTRA = 3; // noise in fewer has peaks of its own
const LEAST_DECADES = 3;

export class SpectrumView {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} peakHost   where the peak is written
   * @param {HTMLElement} unitHost   where the unit is written
   */
  constructor(canvas, peakHost, unitHost) {
    this.canvas = canvas;
    this.peakHost = peakHost;
    this.unitHost = unitHost;
    /** @type {Palette | null} */
    this.palette = null;
    this.channel = 0;
    this.unit = "uV^2/Hz";
    /** @type {Band[]} */
    this.bands = bandsFrom(null);
    /** @type {number[]} */
    this.axisHz = [];
    this.stale = true;
    /** @type {Float32Array | null} */
    this.newest = null;
    /** @type {Float64Array | null} */
    this.mean = null;
    this.count = 0; // spectra in the average
    new ResizeObserver(() => { this.stale = true; }).observe(canvas);
  }

  /** Begin a new average. */
  restart() {
    this.newest = null;
    this.mean = null;
    this.count = 0;
    this.stale = true;
    this.#setPeak("");
  }

  /** @param {import("./feed.js").Meta} meta */
  describe(meta) {
    this.axisHz = meta.axis_hz ?? [];
    this.bands = bandsFrom(meta.bands);
    this.unit = meta.unit || "uV^2/Hz";
    this.unitHost.textContent = unitText(this.unit);
    this.restart();
  }

  /** @param {Float32Array} values   [n_bins] of the chosen channel, in the unit of the stream */
  add(values) {
    const power = this.unit === "dB" ? values.map((db) => 10 ** (db / 10)) : values;
    if (!this.mean || this.mean.length !== power.length) {
      this.mean = new Float64Array(power.length);
      this.count = 0;
    }
    this.count += 1;
    const weight = Math.max(NEWEST_WEIGHT, 1 / this.count);
    for (let bin = 0; bin < power.length; bin += 1) {
      if (Number.isFinite(power[bin])) this.mean[bin] += weight * (power[bin] - this.mean[bin]);
    }
    this.newest = power;
    this.stale = true;
  }

  /** Draw if something changed; once per screen frame. */
  draw() {
    if (!this.stale || !this.palette || this.canvas.offsetParent === null) return;
    this.stale = false;
    const { width, height, scale } = fitCanvas(this.canvas);
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    context.clearRect(0, 0, width, height);
    const room = { left: 34 * scale, right: width - 6 * scale, top: 18 * scale, bottom: height - 20 * scale };
    const lastHz = this.axisHz[this.axisHz.length - 1] ?? SHOWN_HZ;
    const endHz = (this.axisHz[0] ?? 0) < SHOWN_HZ ? Math.min(SHOWN_HZ, lastHz) : lastHz;
    /** @param {number} hz */
    const xOf = (hz) => room.left + (hz / endHz) * (room.right - room.left);
    this.#bandsAndHz(context, room, scale, xOf, endHz);
    if (!this.mean || !this.newest) {
      this.#setPeak("");
      return;
    }

    const { low, high } = this.#decades();
    /** @param {number} power */
    const yOf = (power) => {
      const level = (Math.log10(Math.max(power, 1e-30)) - low) / (high - low);
      return room.bottom - level * (room.bottom - room.top);
    };
    this.#decadeLines(context, room, scale, low, high);
    const colour = this.palette.traces[this.channel % this.palette.traces.length];
    context.save();
    context.beginPath();
    context.rect(room.left, room.top, room.right - room.left, room.bottom - room.top);
    context.clip();
    context.globalAlpha = 0.3;
    this.#curve(context, this.newest, xOf, yOf, endHz, colour, scale);
    context.globalAlpha = 1;
    this.#curve(context, this.mean, xOf, yOf, endHz, colour, 1.75 * scale);
    context.restore();
    this.#peak(context, xOf, yOf, scale);
  }

  /** Powers of ten that hold the bands; what is filtered away outside of them does not decide. */
  #decades() {
    const topHz = this.bands[this.bands.length - 1].highHz - 1;
    let least = Infinity;
    let most = -Infinity;
    const mean = /** @type {Float64Array} */ (this.mean);
    for (let bin = 0; bin < mean.length; bin += 1) {
      if (this.axisHz[bin] < 0.9 || this.axisHz[bin] > topHz || !(mean[bin] > 0)) continue;
      const level = Math.log10(mean[bin]);
      least = Math.min(least, level);
      most = Math.max(most, level);
    }
    if (most < least) return { low: -2, high: 2 };
    const high = Math.ceil(most + 0.15);
    return { low: Math.max(Math.min(Math.floor(least), high - LEAST_DECADES), high - 6), high };
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{left: number, right: number, top: number, bottom: number}} room
   * @param {number} scale @param {(hz: number) => number} xOf @param {number} endHz
   */
  #bandsAndHz(context, room, scale, xOf, endHz) {
    const palette = /** @type {Palette} */ (this.palette);
    context.font = `${11 * scale}px ${palette.font}`;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    this.bands.forEach((band, i) => {
      const from = xOf(Math.min(band.lowHz, endHz));
      const to = xOf(Math.min(band.highHz, endHz));
      if (i % 2 === 0) {
        context.fillStyle = palette.band;
        context.fillRect(from, room.top, to - from, room.bottom - room.top);
      }
      context.fillStyle = palette.dim;
      if (to - from > 8 * scale) context.fillText(band.symbol, (from + to) / 2, room.top - 5 * scale);
    });
    for (let hz = 0; hz <= endHz; hz += 10) {
      context.fillStyle = palette.grid;
      context.fillRect(Math.round(xOf(hz)), room.top, Math.max(1, scale), room.bottom - room.top);
      context.fillStyle = palette.dim;
      const label = hz === 0 ? "0 Hz" : String(hz);
      if (xOf(hz) < room.right - 6 * scale) context.fillText(label, xOf(hz), room.bottom + 14 * scale);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{left: number, right: number, top: number, bottom: number}} room
   * @param {number} scale @param {number} low @param {number} high
   */
  #decadeLines(context, room, scale, low, high) {
    const palette = /** @type {Palette} */ (this.palette);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let level = low; level <= high; level += 1) {
      const y = Math.round(room.bottom - ((level - low) / (high - low)) * (room.bottom - room.top));
      context.fillStyle = palette.grid;
      context.fillRect(room.left, y, room.right - room.left, Math.max(1, scale));
      context.fillStyle = palette.dim;
      context.fillText(this.unit === "dB" ? String(10 * level) : powerOfTen(level), room.left - 5 * scale, y);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {ArrayLike<number>} power
   * @param {(hz: number) => number} xOf @param {(power: number) => number} yOf
   * @param {number} endHz @param {string} colour @param {number} lineWidth
   */
  #curve(context, power, xOf, yOf, endHz, colour, lineWidth) {
    context.beginPath();
    const first = this.axisHz[0] === 0 ? 1 : 0; // 0 Hz is the offset
    for (let bin = first; bin < power.length && this.axisHz[bin] <= endHz; bin += 1) {
      context.lineTo(xOf(this.axisHz[bin]), yOf(power[bin]));
    }
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    context.lineJoin = "round";
    context.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {(hz: number) => number} xOf @param {(power: number) => number} yOf @param {number} scale
   */
  #peak(context, xOf, yOf, scale) {
    const mean = /** @type {Float64Array} */ (this.mean);
    const palette = /** @type {Palette} */ (this.palette);
    if (this.count < LEAST_SPECTRA) {
      this.#setPeak("");
      return;
    }
    const peak = findPeak(mean, this.axisHz);
    this.#setPeak(peak ? `peak ${peak.hz.toFixed(1)} Hz` : "no clear peak");
    if (!peak) return;
    const x = xOf(peak.hz);
    const y = yOf(mean[peak.bin]);
    context.fillStyle = palette.text;
    context.beginPath(); // a small arrow head that points at the peak
    context.moveTo(x, y - 4 * scale);
    context.lineTo(x - 4 * scale, y - 11 * scale);
    context.lineTo(x + 4 * scale, y - 11 * scale);
    context.fill();
  }

  /** @param {string} text */
  #setPeak(text) {
    if (this.peakHost.textContent !== text) this.peakHost.textContent = text;
  }
}

/** @param {number} level */
function powerOfTen(level) {
  if (level >= -2 && level <= 3) return String(Number((10 ** level).toFixed(2)));
  const raised = [...String(Math.abs(level))].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
  return `10${level < 0 ? "⁻" : ""}${raised}`;
}

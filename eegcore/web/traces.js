// @ts-check
/**
 * Draws traces by sweeping: only the columns that are new, over the oldest ones.
 *
 * Column k of the stream is drawn at x = k mod width, for ever: a picture drawn anew from the history is the
 * same picture. Ahead of the newest column a strip is kept clear, so that the eye finds the place.
 */

import { Columns } from "./columns.js";

/** @typedef {import("./history.js").History} History */
/** @typedef {import("./palette.js").Palette} Palette */

/**
 * How the picture is laid out, all in device pixels.
 * @typedef {object} Layout
 * @property {number} width @property {number} height
 * @property {number} scale           device pixels per CSS pixel
 * @property {number} framesPerColumn
 * @property {number} pixelsPerUnit   height of 1 uV (or 1 count)
 * @property {Palette} palette
 */

/**
 * What a channel can be: the row of its bar from the bottom of the lane, and its colour.
 * @type {Record<string, {row: number, colour: "bad" | "warn" | "dim"}>}
 */
const BARS = {
  lead_off: { row: 0, colour: "bad" },
  saturated: { row: 1, colour: "warn" },
  flatline: { row: 1, colour: "warn" },
  blink: { row: 2, colour: "dim" },
  muscle: { row: 2, colour: "dim" },
};
const AHEAD_PX = 14; // clear strip ahead of the newest column, CSS pixels
const REACH_LANES = 1.4; // a trace may leave its lane this far before it is cut off

export class Traces {
  /** @param {CanvasRenderingContext2D} context   of a transparent canvas that holds nothing else */
  constructor(context) {
    this.context = context;
    /** @type {Layout | null} */
    this.layout = null;
    this.lane = 1; // height of one channel
    this.ahead = 0; // width of the clear strip, in columns
    this.columns = new Columns(1, 1);
    this.folded = 0; // frames before this one are in columns
    this.clearedTo = 0; // columns before this one were cleared
    this.penX = 0;
    this.penY = new Float32Array(0); // per channel; NaN: the pen is up
    this.cutAt = new Float64Array(0); // per channel: the newest column that was cut off
  }

  /**
   * Take a new layout and draw everything the history still has.
   *
   * @param {History} history
   * @param {Layout} layout
   */
  restart(history, layout) {
    this.layout = layout;
    this.lane = layout.height / history.nChannels;
    this.ahead = Math.ceil(AHEAD_PX * layout.scale);
    this.columns = new Columns(history.nChannels, layout.framesPerColumn);
    this.penX = 0;
    this.penY = new Float32Array(history.nChannels).fill(NaN);
    this.cutAt = new Float64Array(history.nChannels).fill(-Infinity);
    this.context.clearRect(0, 0, layout.width, layout.height);
    const span = Math.floor((layout.width - this.ahead) * layout.framesPerColumn);
    this.folded = Math.max(history.oldest, history.next - span);
    this.clearedTo = Math.floor(this.folded / layout.framesPerColumn);
    this.advance(history);
  }

  /**
   * Draw the columns that were completed since the last call.
   *
   * @param {History} history
   * @returns {number} how many columns were drawn
   */
  advance(history) {
    const { columns, layout } = this;
    if (!layout || history.next < 0) return 0;
    const { width, framesPerColumn } = layout;
    const behind = history.next - this.folded;
    if (behind < 0 || behind > (width - this.ahead) * framesPerColumn || this.folded < history.oldest) {
      this.restart(history, layout); // a new run, or more than fits: a tab that was hidden, a long gap
      return width;
    }
    const from = this.folded;
    this.folded = history.next;
    columns.fold(history.data, history.capacity, from, history.next);
    if (columns.n === 0 && history.next === from) return 0;

    this.#clearTo(Math.ceil(history.next / framesPerColumn) + this.ahead);
    this.#gaps(history, from);
    this.#marks(history, from);
    const drawn = columns.n;
    if (drawn > 0) {
      for (let channel = 0; channel < history.nChannels; channel += 1) this.#trace(channel);
      this.penX = columns.x[drawn - 1];
      columns.clear();
    }
    return drawn;
  }

  /** Place of the newest column, in device pixels. */
  get headX() {
    return this.layout ? (this.folded / this.layout.framesPerColumn) % this.layout.width : 0;
  }

  /**
   * True if the trace of a channel left its reach within the newest columns.
   * @param {number} channel @param {number} columns
   */
  isCut(channel, columns) {
    return (this.cutAt[channel] ?? -Infinity) > this.penX - columns;
  }

  /** @param {number} column   clear up to here, exclusive */
  #clearTo(column) {
    const { width, height, scale } = /** @type {Layout} */ (this.layout);
    const spill = Math.ceil(2 * scale); // half the thickness of a line stood before its own column
    const from = Math.max(this.clearedTo - spill, column - width);
    this.clearedTo = Math.max(this.clearedTo, column);
    this.#spans(from, column, (x, w) => this.context.clearRect(x, 0, w, height));
  }

  /**
   * Cut a stretch of columns at the right edge of the picture.
   *
   * @param {number} from @param {number} to     columns since frame 0
   * @param {(x: number, width: number) => void} draw
   */
  #spans(from, to, draw) {
    const { width } = /** @type {Layout} */ (this.layout);
    for (let at = from; at < to;) {
      const x = at % width;
      const w = Math.min(width - x, to - at);
      draw(x, w);
      at += w;
    }
  }

  /** @param {History} history @param {number} fromFrame */
  #gaps(history, fromFrame) {
    const { height, scale, palette, framesPerColumn } = /** @type {Layout} */ (this.layout);
    const { context } = this;
    for (const gap of history.gaps) {
      if (gap.to <= fromFrame) continue;
      const from = Math.round(Math.max(gap.from, fromFrame) / framesPerColumn);
      const to = Math.max(Math.round(gap.to / framesPerColumn), from + scale); // one frame is seen too
      this.#spans(from, to, (x, w) => {
        context.fillStyle = palette.gap;
        context.fillRect(x, 0, w, height);
        context.fillStyle = palette.gapEdge;
        context.fillRect(x, 0, w, 3 * scale);
        context.fillRect(x, height - 3 * scale, w, 3 * scale);
      });
    }
  }

  /**
   * Stretches of bad channels and of artefacts: a bar at the bottom of the lane.
   * @param {History} history @param {number} fromFrame
   */
  #marks(history, fromFrame) {
    const { scale, palette, framesPerColumn } = /** @type {Layout} */ (this.layout);
    const thick = Math.max(2, Math.min(4, this.lane / scale / 6)) * scale;
    for (const mark of history.marks) {
      const from = Math.max(mark.from, fromFrame);
      const to = Math.min(mark.to, history.next);
      if (to <= from) continue;
      const { row, colour } = BARS[mark.what];
      this.context.fillStyle = palette[colour];
      const y = (mark.channel + 1) * this.lane - thick - row * (thick + scale);
      // Whole pixels: the bar grows in pieces, and half-covered edges would show between them.
      this.#spans(Math.floor(from / framesPerColumn), Math.ceil(to / framesPerColumn), (x, w) => {
        this.context.fillRect(x, y, w, thick);
      });
    }
  }

  /** @param {number} channel */
  #trace(channel) {
    const { width, scale, pixelsPerUnit, palette } = /** @type {Layout} */ (this.layout);
    const { context, columns } = this;
    const { first, low, high, last, x, n, nChannels } = columns;
    const zero = (channel + 0.5) * this.lane;
    const top = zero - REACH_LANES * this.lane;
    const bottom = zero + REACH_LANES * this.lane;
    /** @param {number} value */
    const yOf = (value) => Math.max(top, Math.min(bottom, zero - value * pixelsPerUnit));

    context.beginPath();
    let y = this.penY[channel];
    let at = this.penX;
    if (y === y) context.moveTo(at % width, y);
    for (let k = 0; k < n; k += 1) {
      const i = k * nChannels + channel;
      if (low[i] > high[i]) { // every sample of this column is missing
        y = NaN;
        continue;
      }
      const base = Math.floor(x[k] / width) * width;
      const enter = yOf(first[i]);
      if (Math.max(high[i], -low[i]) * pixelsPerUnit > bottom - zero) this.cutAt[channel] = x[k];
      if (y !== y) {
        context.moveTo(x[k] - base, enter);
      } else if (at < base) { // the line to here crosses the right edge: its second half begins on the left
        context.lineTo(x[k] - base + width, enter);
        context.moveTo(at - base, y);
        context.lineTo(x[k] - base, enter);
      } else {
        context.lineTo(x[k] - base, enter);
      }
      if (low[i] !== high[i]) {
        context.lineTo(x[k] - base, yOf(low[i]));
        context.lineTo(x[k] - base, yOf(high[i]));
      }
      y = yOf(last[i]);
      context.lineTo(x[k] - base, y);
      at = x[k];
    }
    this.penY[channel] = y;
    context.strokeStyle = palette.traces[channel % palette.traces.length];
    context.lineWidth = (this.lane / scale < 18 ? 1 : 1.25) * scale;
    context.lineJoin = "bevel"; // a mitre would draw spikes that are not in the data
    context.stroke();
  }
}

// @ts-check
/**
 * Many frames into one pixel column, without losing a spike.
 *
 * Of every channel a column keeps the first, lowest, highest and last value. A line drawn through these four
 * covers the same pixels as a line through all samples: a spike of one sample in a column of two hundred
 * is still there, at its full height.
 */

/** Finished columns, oldest first, and the unfinished one that waits for its last frames. */
export class Columns {
  /**
   * @param {number} nChannels
   * @param {number} framesPerColumn   may be fractional, and less than one
   */
  constructor(nChannels, framesPerColumn) {
    this.nChannels = nChannels;
    this.framesPerColumn = framesPerColumn;
    /** Finished columns. */
    this.n = 0;
    /** Number of the unfinished column, -1 before the first frame, and frames in it. */
    this.column = -1;
    this.count = 0;
    /** Place of each column, in columns since frame 0. */
    this.x = new Float64Array(0);
    /** Values of each column and channel, [n][nChannels]; low > high where every sample is missing. */
    this.first = new Float32Array(0);
    this.low = new Float32Array(0);
    this.high = new Float32Array(0);
    this.last = new Float32Array(0);
    this.#begin(-1);
  }

  /** Drop the finished columns after they were drawn; the unfinished one stays. */
  clear() {
    const from = this.n * this.nChannels;
    const to = from + this.nChannels;
    for (const values of [this.first, this.low, this.high, this.last]) values.copyWithin(0, from, to);
    this.x[0] = this.x[this.n];
    this.n = 0;
  }

  /**
   * Fold frames from <= n < to of a ring of frames.
   *
   * @param {Float32Array} data    [capacity][nChannels], frame n in row n % capacity
   * @param {number} capacity
   * @param {number} from
   * @param {number} to
   */
  fold(data, capacity, from, to) {
    const { nChannels, framesPerColumn } = this;
    for (let f = from; f < to; f += 1) {
      const column = Math.floor(f / framesPerColumn);
      if (column !== this.column) {
        if (this.column >= 0) this.#finish();
        this.#begin(column);
        this.x[this.n] = f / framesPerColumn;
      }
      const row = (f % capacity) * nChannels;
      const at = this.n * nChannels;
      const { first, low, high, last } = this;
      for (let c = 0; c < nChannels; c += 1) {
        const v = data[row + c];
        if (v !== v) continue; // NaN: a missing sample says nothing
        if (low[at + c] > high[at + c]) first[at + c] = v;
        if (v < low[at + c]) low[at + c] = v;
        if (v > high[at + c]) high[at + c] = v;
        last[at + c] = v;
      }
      this.count += 1;
    }
  }

  /** @param {number} column */
  #begin(column) {
    if ((this.n + 1) * this.nChannels > this.low.length) this.#grow(2 * (this.n + 32));
    const from = this.n * this.nChannels;
    const to = from + this.nChannels;
    this.low.fill(Infinity, from, to); // low > high: nothing seen yet
    this.high.fill(-Infinity, from, to);
    this.first.fill(NaN, from, to);
    this.last.fill(NaN, from, to);
    this.column = column;
    this.count = 0;
  }

  #finish() {
    // One frame keeps its exact place, so that slow streams do not look jagged; many share the middle.
    if (this.count > 1) this.x[this.n] = this.column + 0.5;
    this.n += 1;
  }

  /** @param {number} columns */
  #grow(columns) {
    /** @param {Float32Array} old */
    const wider = (old) => {
      const values = new Float32Array(columns * this.nChannels);
      values.set(old);
      return values;
    };
    this.first = wider(this.first);
    this.low = wider(this.low);
    this.high = wider(this.high);
    this.last = wider(this.last);
    const x = new Float64Array(columns);
    x.set(this.x);
    this.x = x;
  }
}

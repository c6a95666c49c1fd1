// @ts-check
/**
 * The newest frames of one stream, by number, with what is known to be missing.
 *
 * A ring of frames, frame-major. Frame n of the stream lives in row n % capacity, so that a gap has the
 * width of the frames it lacks, however late the packet after it came. Missing frames are NaN.
 */

const MAX_BYTES = 64 * 2 ** 20; // 30 s of 32 channels at 16 kSPS; a tab must not grow beyond reason

/**
 * @typedef {{from: number, to: number, reason: string}} Gap     frames from <= n < to
 * @typedef {{channel: number, what: string, from: number, to: number}} Mark   `to` is Infinity while it lasts
 */

export class History {
  /**
   * @param {number} nChannels
   * @param {number} frames   how many frames to keep; fewer if they would not fit into 64 MiB
   */
  constructor(nChannels, frames) {
    this.nChannels = nChannels;
    this.capacity = Math.max(1, Math.min(Math.ceil(frames), Math.floor(MAX_BYTES / 4 / nChannels)));
    this.data = new Float32Array(this.capacity * nChannels);
    this.begin = -1; // first frame seen, -1 before any
    this.next = -1; // number of the frame that should come now
    /** @type {Gap[]} */
    this.gaps = [];
    /** @type {Mark[]} */
    this.marks = [];
  }

  /** Forget everything: the next frame begins a new run. */
  clear() {
    this.begin = -1;
    this.next = -1;
    this.gaps = [];
    this.marks = [];
  }

  /** Oldest frame that is still here. */
  get oldest() {
    return Math.max(this.begin, this.next - this.capacity);
  }

  /**
   * Add the frames of one packet.
   *
   * @param {Float32Array | Int32Array} samples  [nFrames][nChannels]
   * @param {number} nFrames
   * @param {number} at        number of the first frame
   * @param {string} [reason]  why frames before it are missing, if they are
   * @returns {number} frames missing before it; -1 if numbering began anew and the history was cleared
   */
  add(samples, nFrames, at, reason = "missed") {
    let missing = 0;
    if (this.next >= 0 && at < this.next) {
      this.clear();
      missing = -1;
    }
    if (this.next < 0) {
      this.begin = at;
    } else if (at > this.next) {
      missing = at - this.next;
      this.gaps.push({ from: this.next, to: at, reason });
      this.#fillMissing(Math.max(this.next, at - this.capacity), at);
    }
    const n = this.nChannels;
    for (let f = 0; f < nFrames;) { // at most two pieces, unless the packet is longer than the ring
      const row = (at + f) % this.capacity;
      const run = Math.min(nFrames - f, this.capacity - row);
      this.data.set(samples.subarray(f * n, (f + run) * n), row * n);
      f += run;
    }
    this.next = at + nFrames;
    this.#forget();
    return missing;
  }

  /**
   * From frame `at` on exactly these channels are in the state `what`.
   *
   * @param {string} what            "lead_off", "saturated", "flatline", "blink" or "muscle"
   * @param {Set<number>} channels
   * @param {number} at
   */
  mark(what, channels, at) {
    const lasting = new Set();
    for (const mark of this.marks) {
      if (mark.what !== what || mark.to !== Infinity) continue;
      if (channels.has(mark.channel)) lasting.add(mark.channel);
      else mark.to = at;
    }
    for (const channel of channels) {
      if (!lasting.has(channel)) this.marks.push({ channel, what, from: at, to: Infinity });
    }
  }

  /** An independent copy: what a frozen picture is drawn from while data go on. */
  clone() {
    const copy = Object.assign(Object.create(History.prototype), this);
    copy.data = this.data.slice();
    copy.gaps = this.gaps.map((gap) => ({ ...gap }));
    copy.marks = this.marks.map((mark) => ({ ...mark }));
    return /** @type {History} */ (copy);
  }

  /**
   * Largest peak-to-peak value of each channel over the newest frames; NaN where nothing is known.
   *
   * @param {number} frames
   * @param {boolean} [fromZero]   the distance from the zero line counts too: values without a mean of zero
   * @returns {number[]}
   */
  peakToPeak(frames, fromZero = false) {
    const n = this.nChannels;
    const low = new Array(n).fill(Infinity);
    const high = new Array(n).fill(-Infinity);
    for (let f = Math.max(this.oldest, this.next - Math.ceil(frames)); f < this.next; f += 1) {
      const row = (f % this.capacity) * n;
      for (let c = 0; c < n; c += 1) {
        const v = this.data[row + c];
        if (v < low[c]) low[c] = v;
        if (v > high[c]) high[c] = v;
      }
    }
    return low.map((v, c) => {
      if (!(v <= high[c])) return NaN;
      return fromZero ? 2 * Math.max(Math.abs(v), Math.abs(high[c])) : high[c] - v;
    });
  }

  /** @param {number} from @param {number} to */
  #fillMissing(from, to) {
    const n = this.nChannels;
    for (let f = from; f < to; f += 1) {
      const row = (f % this.capacity) * n;
      this.data.fill(NaN, row, row + n);
    }
  }

  #forget() {
    const { oldest } = this;
    if (this.gaps.length && this.gaps[0].to <= oldest) this.gaps = this.gaps.filter((g) => g.to > oldest);
    if (this.marks.length && this.marks[0].to <= oldest) this.marks = this.marks.filter((m) => m.to > oldest);
  }
}

// @ts-check
/**
 * The stream of the scope as it arrives: its history, what is missing, which channels are bad. Draws nothing.
 */

import { grouped, PASSING } from "./figures.js";
import { History } from "./history.js";
import { samplesOf, streamFrame } from "./protocol.js";

/** @typedef {import("./feed.js").Meta} Meta */
/** @typedef {import("./protocol.js").Packet} Packet */

const MARKS = ["lead_off", "saturated", "flatline", "blink", "muscle"];
const READ_S = 1; // so long a blink stays to be read
const REASONS = /** @type {Record<string, string>} */ ({
  missed: "missed at the source or dropped on the way",
  client_slow: "this page was too slow",
  connection: "the connection was broken",
});

export class LiveStream {
  /** @param {number} keptS   seconds to keep */
  constructor(keptS) {
    this.keptS = keptS;
    /** @type {Meta | null} */
    this.meta = null;
    this.history = new History(1, 1);
    /** Channel -> what is wrong with it now. @type {Map<number, Set<string>>} */
    this.states = new Map();
    /** Since the page was opened; what tests read. */
    this.counters = { frames: 0, gaps: 0, gapFrames: 0 };
    /** Of this run: frames the server skipped for this page, and a sentence about the gaps. */
    this.skipped = 0;
    this.gapsText = "";
    this.runGaps = { gaps: 0, frames: 0 };
    this.newestAt = -Infinity; // performance.now() of the newest packet
    this.streamPerDevice = 1; // frames of this stream per device frame
  }

  /** "uV" or "counts". */
  get unit() {
    return this.meta?.unit ?? "uV";
  }

  /**
   * Take the description of the stream.
   *
   * @param {Meta} meta
   * @returns {boolean} true if it is another stream or another run, with an empty history
   */
  describe(meta) {
    const before = this.meta;
    const unit = meta.scale_uv?.length === meta.labels.length ? "uV" : meta.unit;
    const now = { ...meta, unit };
    this.meta = now;
    this.states.clear(); // after a meta message no channel is bad until a flags message says so
    if (meta.step?.length === 2) this.streamPerDevice = meta.step[1] / meta.step[0];
    if (before && ["topic", "run_id", "sps", "unit", "labels"].every((key) => isSame(key, before, now))) {
      // After a reconnection the picture goes on, with the hole in it.
      for (const what of MARKS) this.history.mark(what, new Set(), this.history.next);
      return false;
    }
    this.history = new History(meta.labels.length, this.keptS * meta.sps);
    this.#newRun();
    return true;
  }

  /**
   * Take one packet of samples.
   *
   * @param {Meta} meta
   * @param {Packet} packet
   * @param {string} reason   why frames before it are missing, if they are
   * @returns {boolean} true if frames are missing before it
   */
  add(meta, packet, reason) {
    if (packet.nChannels !== this.history.nChannels) return false;
    const samples = samplesOf(packet, meta.scale_uv);
    const missing = this.history.add(samples, packet.nFrames, streamFrame(packet), reason);
    this.streamPerDevice = packet.stepDen / packet.stepNum;
    this.counters.frames += packet.nFrames;
    this.newestAt = performance.now();
    if (missing < 0) this.#newRun();
    if (missing <= 0) return false;
    this.counters.gaps += 1;
    this.counters.gapFrames += missing;
    this.runGaps.gaps += 1;
    this.runGaps.frames += missing;
    const { gaps, frames } = this.runGaps;
    const why = REASONS[reason] ?? reason.replaceAll("_", " ");
    const total = `${grouped(gaps)} ${gaps === 1 ? "gap" : "gaps"} in the picture, ${grouped(frames)} frames.`;
    this.gapsText = `${total} Newest: ${grouped(missing)} frames, ${why}.`;
    return true;
  }

  /**
   * Take the news about bad channels.
   * @param {Meta} meta @param {any} message   a `flags` message
   */
  flag(meta, message) {
    const at = Math.round((message.frame_index ?? 0) * this.streamPerDevice);
    this.states.clear();
    for (const what of MARKS) {
      const labels = /** @type {string[]} */ (message[what] ?? []);
      const channels = new Set(labels.map((label) => meta.labels.indexOf(label)));
      channels.delete(-1);
      this.history.mark(what, channels, at);
      for (const channel of channels) {
        this.states.set(channel, (this.states.get(channel) ?? new Set()).add(what));
      }
    }
  }

  /**
   * The states to show: those of now, and those that have only just passed.
   * @returns {Map<number, Set<string>>}
   */
  get shown() {
    const since = this.history.next - READ_S * (this.meta?.sps ?? 0);
    const shown = new Map([...this.states].map(([channel, what]) => [channel, new Set(what)]));
    for (const { channel, what, from, to } of this.history.marks) {
      if (PASSING.has(what) && to > since && from < this.history.next) {
        shown.set(channel, (shown.get(channel) ?? new Set()).add(what));
      }
    }
    return shown;
  }

  /** Seconds since the newest packet; Infinity before any. */
  get silentS() {
    return (performance.now() - this.newestAt) / 1000;
  }

  /** Length of the run so far, by the device's own frames; null before any. */
  get runS() {
    return this.meta && this.history.next >= 0 ? this.history.next / this.meta.sps : null;
  }

  #newRun() {
    this.skipped = 0;
    this.gapsText = "";
    this.runGaps = { gaps: 0, frames: 0 };
  }
}

/** @param {string} key @param {any} a @param {any} b */
function isSame(key, a, b) {
  return JSON.stringify(a[key]) === JSON.stringify(b[key]);
}

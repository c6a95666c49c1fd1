// @ts-check
/**
 * When to choose the scale for a person who has not chosen one: soon, and again once the filters have settled.
 *
 * The transient of a 0.5 Hz high-pass is a hundred times as large as EEG: a scale that fits it fits nothing after.
 */

import { Flag } from "./protocol.js";

export const FIT_S = 2; // seconds that the scale is made to fit

export class FirstFit {
  constructor() {
    this.begin();
  }

  /** Another stream or another run. */
  begin() {
    this.seen = 0; // frames of the stretch that is to be fitted
    this.hasProvisional = false;
    this.isDone = false;
  }

  /**
   * @param {{nFrames: number, flags: number, sps: number}} packet   that came
   * @returns {boolean} true if the newest `FIT_S` seconds should be fitted now
   */
  take({ nFrames, flags, sps }) {
    if (this.isDone) return false;
    const settling = (flags & Flag.SETTLING) !== 0;
    if (settling && this.hasProvisional) {
      this.seen = 0;
      return false;
    }
    this.seen += nFrames;
    if (this.seen < FIT_S * sps) return false;
    this.seen = 0;
    this.hasProvisional = true;
    this.isDone = !settling;
    return true;
  }
}

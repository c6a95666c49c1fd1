// @ts-check
/**
 * The scope: labels, grid, traces, scale bar, the sweeping head; and freezing.
 *
 * Three layers: the ground (grid, zero lines, chosen lane), the traces, and the labels, which are HTML.
 * It draws from the history it is given and never sees a packet.
 */

import { shortLabels } from "./labels.js";
import { fitCanvas } from "./palette.js";
import { Traces } from "./traces.js";
import { scaleText } from "./units.js";

/** @typedef {import("./history.js").History} History */
/** @typedef {import("./palette.js").Palette} Palette */

const CUT_S = 2; // so long "off scale" stays to be read
/**
 * Words, and what stands for them where lanes are a few pixels high.
 * @type {Record<string, [string, string]>}
 */
const NOTES = {
  lead_off: ["lead off", "off"], saturated: ["saturated", "sat."], flatline: ["flat", "flat"], blink: ["blink", "bl."],
  muscle: ["muscle", "mu."], cut: ["off scale", "↕"],
};

/**
 * @param {string} selector
 * @param {ParentNode} [within]
 */
function part(selector, within = document) {
  return /** @type {HTMLElement} */ (within.querySelector(selector));
}

/** Seconds between two vertical lines. @param {number} timeBaseS */
export function gridStepS(timeBaseS) {
  if (timeBaseS <= 2) return 0.2;
  if (timeBaseS <= 10) return 1;
  return timeBaseS <= 20 ? 2 : 5;
}

export class Scope {
  /**
   * @param {HTMLElement} host                     holds .labels, the canvases, .head, .axis, .scale-bar
   * @param {(channel: number) => void} onChoose   a channel was clicked
   */
  constructor(host, onChoose) {
    this.host = host;
    this.labelsHost = part(".labels", host);
    this.ground = /** @type {HTMLCanvasElement} */ (part("canvas.ground", host));
    this.canvas = /** @type {HTMLCanvasElement} */ (part("canvas.traces", host));
    this.head = part(".head", host);
    this.axis = part(".axis", host);
    this.bar = part(".scale-bar", host);
    this.onChoose = onChoose;
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.traces = new Traces(context);
    /** @type {History | null} */
    this.history = null;
    /** A copy of the history while the picture is frozen. @type {History | null} */
    this.frozen = null;
    /** @type {string[]} */
    this.labels = [];
    this.sps = 250;
    this.unit = "uV";
    this.perDivision = 50;
    this.timeBaseS = 10;
    this.chosen = 0;
    /** @type {Palette | null} */
    this.palette = null;
    this.stale = true;
    this.size = { width: 1, height: 1, scale: 1 };
    new ResizeObserver(() => { this.stale = true; }).observe(this.canvas);
    this.canvas.addEventListener("click", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const channel = Math.floor(((event.clientY - box.top) / box.height) * this.labels.length);
      if (channel >= 0 && channel < this.labels.length) this.onChoose(channel);
    });
  }

  /**
   * Show another stream.
   *
   * @param {History} history
   * @param {string[]} labels
   * @param {number} sps     frames per second of this stream
   * @param {string} unit    "uV", "counts" or "kOhm"
   */
  show(history, labels, sps, unit) {
    const sameLabels = labels.join("\n") === this.labels.join("\n");
    Object.assign(this, { history, labels, sps, unit, stale: true });
    if (this.frozen) this.freeze(true);
    if (!sameLabels) this.#makeLabels();
  }

  /**
   * Change how it looks: scale, time base, chosen channel, palette.
   * @param {Partial<{perDivision: number, timeBaseS: number, chosen: number, palette: Palette}>} changes
   */
  set(changes) {
    Object.assign(this, changes, { stale: true });
    this.#markChosen();
  }

  /** @param {boolean} frozen */
  freeze(frozen) {
    this.frozen = frozen && this.history ? this.history.clone() : null;
    this.host.classList.toggle("is-frozen", this.frozen !== null);
    this.stale = true;
  }

  /** Draw what is new; once per screen frame. */
  draw() {
    const history = this.frozen ?? this.history;
    if (!history || !this.palette) return;
    if (this.stale || this.size.scale !== (window.devicePixelRatio || 1)) {
      this.stale = false;
      this.#layOut(history);
    } else if (!this.frozen) {
      this.traces.advance(history);
    }
    const { scale } = this.size;
    this.head.style.transform = `translateX(${this.traces.headX / scale}px)`;
    this.head.hidden = history.next < 0;
  }

  /**
   * Show which channels are bad now.
   *
   * @param {Map<number, Set<string>>} states   channel -> "lead_off", "saturated", "blink"...
   */
  showStates(states) {
    const isTiny = this.host.classList.contains("is-tiny");
    const cutColumns = (CUT_S / this.timeBaseS) * this.size.width;
    [...this.labelsHost.children].forEach((element, channel) => {
      const what = [...(states.get(channel) ?? [])];
      if (what.length === 0 && this.traces.isCut(channel, cutColumns)) what.push("cut");
      const note = part(".note", element);
      const text = what.map((key) => NOTES[key]?.[isTiny ? 1 : 0] ?? key).join(", ");
      if (note.textContent !== text) note.textContent = text;
      element.classList.toggle("is-bad", what.includes("lead_off"));
      element.classList.toggle("is-warn", what.includes("saturated") || what.includes("flatline"));
      element.classList.toggle("is-cut", what.includes("cut"));
    });
  }

  #makeLabels() {
    const short = shortLabels(this.labels);
    this.labelsHost.replaceChildren(...this.labels.map((label, channel) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = `label trace-${channel % 8}`;
      button.title = `${label}: show its spectrum`;
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = short[channel];
      const note = document.createElement("span");
      note.className = "note";
      button.append(name, note);
      button.addEventListener("click", () => this.onChoose(channel));
      return button;
    }));
    this.#markChosen();
  }

  #markChosen() {
    [...this.labelsHost.children].forEach((element, channel) => {
      element.setAttribute("aria-pressed", String(channel === this.chosen));
    });
  }

  /** @param {History} history */
  #layOut(history) {
    const palette = /** @type {Palette} */ (this.palette);
    this.size = fitCanvas(this.canvas);
    const { width, height, scale } = this.size;
    const lane = height / history.nChannels;
    this.traces.restart(history, {
      width,
      height,
      scale,
      palette,
      framesPerColumn: (this.sps * this.timeBaseS) / width,
      pixelsPerUnit: lane / this.perDivision,
    });
    this.#drawGround(lane);
    this.#drawAxis();
    const laneCss = lane / scale;
    this.host.classList.toggle("is-dense", laneCss < 34);
    this.host.classList.toggle("is-tiny", laneCss < 15);
    const thin = Math.max(1, Math.ceil(9 / laneCss)); // labels that would overlap are left out
    [...this.labelsHost.children].forEach((e, c) => e.classList.toggle("is-left-out", c % thin !== 0));
    this.#drawBar(laneCss);
  }

  /** @param {number} lane */
  #drawGround(lane) {
    const palette = /** @type {Palette} */ (this.palette);
    const { width, height, scale } = fitCanvas(this.ground);
    const context = /** @type {CanvasRenderingContext2D} */ (this.ground.getContext("2d"));
    const line = Math.max(1, Math.round(scale));
    context.clearRect(0, 0, width, height);
    if (this.labels.length > 1) {
      context.fillStyle = palette.lane;
      context.fillRect(0, Math.round(this.chosen * lane), width, Math.round(lane));
    }
    const stepS = gridStepS(this.timeBaseS);
    context.fillStyle = palette.grid;
    for (let s = stepS; s < this.timeBaseS - stepS / 2; s += stepS) {
      context.fillRect(Math.round((s / this.timeBaseS) * width), 0, line, height);
    }
    context.fillStyle = palette.zero;
    for (let c = 0; c < this.labels.length; c += 1) {
      context.fillRect(0, Math.round((c + 0.5) * lane - line / 2), width, line);
    }
  }

  #drawAxis() {
    const stepS = gridStepS(this.timeBaseS) * (this.timeBaseS <= 2 ? 2 : 1);
    const marks = [];
    for (let s = 0; s <= this.timeBaseS + stepS / 4; s += stepS) {
      const mark = document.createElement("span");
      mark.textContent = `${Number(s.toFixed(1))}${s === 0 ? " s" : ""}`;
      mark.style.left = `${(s / this.timeBaseS) * 100}%`;
      marks.push(mark);
    }
    this.axis.replaceChildren(...marks);
  }

  /** @param {number} laneCss   height of one division in CSS pixels */
  #drawBar(laneCss) {
    const divisions = laneCss >= 24 ? 1 : Math.ceil(24 / laneCss);
    part(".scale-length", this.bar).style.height = `${laneCss * divisions}px`;
    part(".scale-text", this.bar).textContent = scaleText(this.perDivision * divisions, this.unit);
  }
}

// @ts-check
/**
 * Markers of the run: those that came, and where they stand in the picture.
 *
 * A marker belongs to a frame of the device. Its line is put there when the sweep has come to that frame, and goes
 * when the sweep comes to that place again, as the traces do.
 */

import { element } from "./panels.js";

/**
 * @typedef {object} Marker
 * @property {string} run_id
 * @property {number} frame_index
 * @property {string} text
 * @property {number} t_unix_ns
 * @property {number} duration_s
 */

const MOST_KEPT = 1000;
const MOST_DRAWN = 60; // lines; more than that cannot be read

/** The newest markers of one run, by frame. */
export class Markers {
  constructor() {
    /** @type {string | null} */
    this.runId = null;
    /** @type {Marker[]} */
    this.list = [];
    this.revision = 0; // another number after every change
  }

  /** @param {Marker} marker */
  add(marker) {
    if (marker.run_id !== this.runId) this.reset(marker.run_id, []);
    if (this.list.some((m) => m.frame_index === marker.frame_index && m.text === marker.text)) return;
    this.list.push(marker);
    this.list.sort((a, b) => a.frame_index - b.frame_index);
    if (this.list.length > MOST_KEPT) this.list.shift();
    this.revision += 1;
  }

  /** @param {string | null} runId @param {Marker[]} list   all that are known of this run */
  reset(runId, list) {
    this.runId = runId;
    this.list = list.slice(-MOST_KEPT).sort((a, b) => a.frame_index - b.frame_index);
    this.revision += 1;
  }
}

/**
 * The markers that stand in the picture, and where.
 *
 * @param {Marker[]} list              by frame
 * @param {{folded: number, span: number, width: number, framesPerColumn: number}} sweep   stream frames, columns
 * @param {number} streamPerDevice     frames of the stream per device frame
 * @returns {{marker: Marker, x: number}[]}   x in columns from the left edge, newest last
 */
export function placed(list, sweep, streamPerDevice) {
  const { folded, span, width, framesPerColumn } = sweep;
  const found = [];
  for (let i = list.length - 1; i >= 0 && found.length < MOST_DRAWN; i -= 1) {
    const at = list[i].frame_index * streamPerDevice;
    if (at > folded) continue; // the sweep has not come to it yet
    if (at <= folded - span) break;
    found.push({ marker: list[i], x: (at / framesPerColumn) % width });
  }
  return found.reverse();
}

/** Lines and words over the traces. */
export class MarkerLayer {
  /** @param {HTMLElement} host   covers the traces */
  constructor(host) {
    this.host = host;
    this.drawn = "";
  }

  /**
   * Show what stands in the picture now; cheap when nothing has changed.
   *
   * @param {Markers} markers
   * @param {import("./traces.js").Traces} traces
   * @param {number} streamPerDevice
   */
  draw(markers, traces, streamPerDevice) {
    const { layout, folded, ahead } = traces;
    if (!layout) return;
    const { width, framesPerColumn, scale } = layout;
    const sweep = { folded, span: (width - ahead) * framesPerColumn, width, framesPerColumn };
    const found = placed(markers.list, sweep, streamPerDevice);
    const key = `${markers.revision} ${width} ${framesPerColumn} ${found.length} ${found[0]?.marker.frame_index}`;
    if (key === this.drawn) return;
    this.drawn = key;
    this.host.replaceChildren(...found.map(({ marker, x }, i) => {
      const line = element("div", "marker-line");
      line.classList.toggle("is-left", x > width * 0.85);
      line.style.left = `${x / scale}px`;
      line.style.setProperty("--row", String(i % 4)); // neighbours do not cover each other's words
      line.append(element("span", "marker-text", marker.text));
      return line;
    }));
  }
}

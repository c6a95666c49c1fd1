// @ts-check
/**
 * Powers of bands and lines of the mains of the chosen channel: one bar each, under the spectrum.
 *
 * It shows every topic of that sort and is hidden if there is none. A bar is as long as its value beside the
 * largest of its topic, or beside 10 µV if all lines are smaller; shares are beside the whole.
 */

import { element } from "./panels.js";
import { bandsFrom } from "./peak.js";
import { spectrumOf } from "./protocol.js";
import { unitText } from "./units.js";

/** @typedef {import("./feed.js").Meta} Meta */
/** @typedef {import("./protocol.js").Packet} Packet */
/** @typedef {{name: string, title: string, share: number, text: string}} Bar */

const MOST_BARS = 16; // of a topic; more are no picture
const LEAST_LINE_UV = 10; // a line of the mains that fills its bar is one to worry about

/** @param {Meta} meta @returns {boolean} whether its bins are bands or lines, not a curve */
export function isBars(meta) {
  const bins = meta.axis_hz?.length ?? 0;
  return bins > 0 && (Object.keys(meta.bands ?? {}).length === bins || meta.mains_level !== undefined);
}

/**
 * What to write and how long to draw.
 *
 * @param {Meta} meta
 * @param {(number | undefined)[]} values   [n_bins] of one channel; nothing yet, or NaN: no number
 * @returns {Bar[]}
 */
export function barsOf(meta, values) {
  const bands = Object.keys(meta.bands ?? {}).length > 0 ? bandsFrom(meta.bands) : null;
  const known = values.filter((value) => Number.isFinite(value)).map(Number);
  const whole = meta.unit === "1" ? 1 : Math.max(...known, meta.unit === "uV" ? LEAST_LINE_UV : 0);
  return (meta.axis_hz ?? []).slice(0, MOST_BARS).map((hz, bin) => {
    const value = values[bin];
    const band = bands?.[bin];
    const isKnown = value !== undefined && Number.isFinite(value);
    return {
      name: band ? band.symbol : `${Number(hz.toPrecision(4))} Hz`,
      title: band ? `${band.name}, ${band.lowHz} to ${band.highHz} Hz` : "line of the mains",
      share: isKnown && whole > 0 ? Math.max(0, Math.min(1, value / whole)) : 0,
      text: isKnown ? valueText(value, meta.unit) : "–",
    };
  });
}

/** @param {number} value @param {string} unit */
function valueText(value, unit) {
  if (unit === "1") return `${(100 * value).toFixed(0)} %`;
  const digits = value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
  return `${digits} ${unitText(unit)}`;
}

export class BandsView {
  /** @param {HTMLElement} host   a list */
  constructor(host) {
    this.host = host;
    this.channel = 0;
    /** By topic; rows are made when the topic is described. @type {Map<string, {meta: Meta, packet: Packet | null, rows: HTMLElement[]}>} */
    this.groups = new Map();
    this.expect([]);
  }

  /** @param {string[]} topics   those of this sort that the pipeline has */
  expect(topics) {
    this.host.hidden = topics.length === 0;
    const gone = [...this.groups.keys()].filter((topic) => !topics.includes(topic));
    for (const topic of gone) this.groups.delete(topic);
    if (gone.length > 0) this.#arrange();
  }

  /** @param {Meta} meta */
  describe(meta) {
    const rows = barsOf(meta, []).map(({ name, title }) => makeRow(name, title));
    this.groups.set(meta.topic, { meta, packet: null, rows });
    this.#arrange();
    this.show();
  }

  /** Take the newest values. @param {Meta} meta @param {Packet} packet */
  take(meta, packet) {
    const group = this.groups.get(meta.topic);
    if (!group || packet.nFrames === 0 || !packet.data) return;
    group.packet = packet;
    this.show();
  }

  /** Show the chosen channel. @param {number} [channel] */
  show(channel = this.channel) {
    this.channel = channel;
    for (const { meta, packet, rows } of this.groups.values()) {
      const bars = barsOf(meta, packet && channel < packet.nChannels ? [...spectrumOf(packet, channel)] : []);
      rows.forEach((row, i) => {
        /** @type {HTMLElement} */ (row.querySelector(".band-fill")).style.transform = `scaleX(${bars[i].share})`;
        /** @type {HTMLElement} */ (row.querySelector(".band-value")).textContent = bars[i].text;
      });
    }
  }

  #arrange() {
    this.host.replaceChildren(...[...this.groups.values()].flatMap((group) => group.rows));
  }
}

/** @param {string} name @param {string} title */
function makeRow(name, title) {
  const row = element("li", "band");
  row.title = title;
  const bar = element("div", "band-bar");
  bar.append(element("div", "band-fill"));
  row.append(element("span", "band-name", name), bar, element("span", "band-value figure"));
  return row;
}

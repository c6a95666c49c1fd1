// @ts-check
/**
 * The electrodes panel: one tile per electrode with its impedance, and how old the values are.
 *
 * It shows every topic in kOhm, one for each board, and is hidden if there is none.
 */

import { ageText, kohmText, ratingOf, RATINGS, summaryText, tileTexts } from "./impedance.js";
import { element, icon } from "./panels.js";

/** @typedef {import("./feed.js").Meta} Meta */
/** @typedef {import("./protocol.js").Packet} Packet */
/** @typedef {import("./impedance.js").Rating} Rating */

const STALE_PERIODS = 3; // so many values missing: what is shown is no longer how it is
const DENSE_FROM = 17; // tiles; more than two chips do not fit in their full size

/**
 * One topic in kOhm.
 * @typedef {object} Group
 * @property {Meta} meta
 * @property {(number | undefined)[]} kohm   newest value of each channel
 * @property {number} at                     performance.now() of the newest packet
 * @property {HTMLElement[]} tiles
 */

export class ElectrodesPanel {
  /**
   * @param {HTMLElement} panel   holds .electrodes, .electrodes-summary and .electrodes-age
   * @param {HTMLElement} tab     its tab on small screens
   */
  constructor(panel, tab) {
    this.panel = panel;
    this.tab = tab;
    this.list = /** @type {HTMLElement} */ (panel.querySelector(".electrodes"));
    this.summary = /** @type {HTMLElement} */ (panel.querySelector(".electrodes-summary"));
    this.age = /** @type {HTMLElement} */ (panel.querySelector(".electrodes-age"));
    /** @type {Map<string, Group>} */
    this.groups = new Map();
    this.expect([]);
  }

  /** @param {string[]} topics   those in kOhm that the pipeline has; none hides the panel */
  expect(topics) {
    this.panel.hidden = this.tab.hidden = topics.length === 0;
    const gone = [...this.groups.keys()].filter((topic) => !topics.includes(topic));
    for (const topic of gone) this.groups.delete(topic);
    if (gone.length > 0) this.#arrange();
    this.#showSummary();
  }

  /** @param {Meta} meta */
  describe(meta) {
    const before = this.groups.get(meta.topic);
    const isSame = before?.meta.run_id === meta.run_id && before?.meta.labels.join("\n") === meta.labels.join("\n");
    if (before && isSame) {
      before.meta = meta;
      return;
    }
    const tiles = meta.labels.map(makeTile);
    const group = { meta, kohm: meta.labels.map(() => undefined), at: -Infinity, tiles };
    this.groups.set(meta.topic, group);
    this.#arrange();
    this.#show(group);
  }

  /** Take the newest values. @param {Meta} meta @param {Packet} packet */
  take(meta, packet) {
    const group = this.groups.get(meta.topic);
    if (!group || !packet.data || packet.nFrames === 0 || packet.nChannels !== group.tiles.length) return;
    group.kohm = [...packet.data.subarray((packet.nFrames - 1) * packet.nChannels)];
    group.at = performance.now();
    this.#show(group);
  }

  /** What changes with time alone. */
  showAge() {
    let oldestS = -Infinity;
    for (const group of this.groups.values()) {
      const ageS = (performance.now() - group.at) / 1000;
      const isStale = Number.isFinite(ageS) && ageS > STALE_PERIODS / group.meta.sps;
      for (const tile of group.tiles) tile.classList.toggle("is-stale", isStale);
      oldestS = Math.max(oldestS, ageS);
      this.age.classList.toggle("is-warn", isStale);
    }
    this.age.textContent = ageText(oldestS);
  }

  /** Labels of electrodes that are poor or off, with their values. @returns {Map<string, string>} */
  get bad() {
    const bad = new Map();
    for (const group of this.groups.values()) {
      ratings(group).forEach((rating, channel) => {
        if (rating === "poor") bad.set(group.meta.labels[channel], kohmText(group.kohm[channel]));
        else if (rating === "off") bad.set(group.meta.labels[channel], "electrode off");
      });
    }
    return bad;
  }

  /** Labels of electrodes that are measured, whatever came of it. @returns {Set<string>} */
  get measured() {
    const labels = [...this.groups.values()].flatMap((group) => {
      const rated = ratings(group);
      return group.meta.labels.filter((_, channel) => !["waiting", "unmeasured"].includes(rated[channel]));
    });
    return new Set(labels);
  }

  #arrange() {
    const tiles = [...this.groups.values()].flatMap((group) => group.tiles);
    this.list.replaceChildren(...tiles);
    this.list.classList.toggle("is-dense", tiles.length >= DENSE_FROM);
  }

  /** @param {Group} group */
  #show(group) {
    ratings(group).forEach((rating, channel) => {
      const tile = group.tiles[channel];
      const [value, word] = tileTexts(rating, group.kohm[channel]);
      tile.className = `electrode is-${rating}`;
      tile.title = `${group.meta.labels[channel]}: ${value}, ${word}`;
      tile.querySelector("use")?.setAttribute("href", `#icon-${RATINGS[rating].sign}`);
      part(tile, ".electrode-value").textContent = value;
      part(tile, ".electrode-word").textContent = word;
    });
    this.#showSummary();
    this.showAge();
  }

  #showSummary() {
    this.summary.textContent = summaryText([...this.groups.values()].flatMap(ratings));
  }
}

/** @param {Group} group @returns {Rating[]} */
function ratings({ meta, kohm }) {
  const on = meta.lead_off?.labels;
  return meta.labels.map((label, channel) => ratingOf(kohm[channel], !on || on.includes(label)));
}

/** @param {string} label */
function makeTile(label) {
  const tile = element("li", "electrode");
  const line = element("div", "electrode-line");
  line.append(element("span", "electrode-name", label), icon("idle"));
  tile.append(line, element("div", "electrode-value figure"), element("div", "electrode-word"));
  return tile;
}

/** @param {HTMLElement} within @param {string} selector */
function part(within, selector) {
  return /** @type {HTMLElement} */ (within.querySelector(selector));
}

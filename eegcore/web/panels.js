// @ts-check
/**
 * The panels beside the scope: queues (one bar per edge) and alarms.
 */

import { edgeText, grouped, policyText, total } from "./figures.js";

const MOST_ALARMS = 200;

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** One bar per edge: how full its queue is, how full it ever was, what it dropped. */
export class EdgesPanel {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
    /** @type {Map<string, Record<"row" | "fill" | "high" | "text" | "note", HTMLElement>>} */
    this.rows = new Map();
  }

  /** @param {Record<string, any>} edges   by name, as in `stats` */
  show(edges) {
    const names = Object.keys(edges);
    if (names.join("\n") !== [...this.rows.keys()].join("\n")) this.#make(names);
    for (const [name, edge] of Object.entries(edges)) {
      const row = this.rows.get(name);
      if (!row) continue;
      const { depth = 0, capacity = 0, high_water: highWater = 0, policy = "" } = edge;
      const share = capacity > 0 ? depth / capacity : 0;
      const dropped = total(edge.dropped);
      row.fill.style.transform = `scaleX(${Math.min(1, share)})`;
      row.high.style.left = `${capacity > 0 ? Math.min(100, (100 * highWater) / capacity) : 0}%`;
      row.text.textContent = `${depth} of ${capacity}`;
      const words = [`highest ${highWater}`, policyText(policy, edge.critical === true)];
      if (dropped > 0) words.push(`dropped ${grouped(dropped)}`);
      row.note.textContent = words.filter(Boolean).join(" · ");
      row.row.classList.toggle("is-warn", share >= 0.8 || (dropped > 0 && policy !== "fail"));
      row.row.classList.toggle("is-bad", share >= 1 || (dropped > 0 && policy === "fail"));
    }
  }

  /** @param {string[]} names */
  #make(names) {
    this.rows.clear();
    this.host.replaceChildren(...names.map((name) => {
      const row = element("li", "edge");
      const line = element("div", "edge-line");
      const text = element("span", "edge-depth");
      line.append(element("span", "edge-name", edgeText(name)), text);
      const bar = element("div", "edge-bar");
      const fill = element("div", "edge-fill");
      const high = element("div", "edge-high");
      high.title = "highest since the start";
      bar.append(fill, high);
      const note = element("div", "edge-note");
      row.append(line, bar, note);
      this.rows.set(name, { row, fill, high, text, note });
      return row;
    }));
    if (names.length === 0) this.host.append(element("li", "empty", "No queues: nothing is running."));
  }
}

/**
 * @typedef {object} Alarm
 * @property {"error"|"warning"} level
 * @property {string} place
 * @property {string} message
 * @property {number} unixMs
 * @property {number} [frameIndex]
 */

/** @param {any} event   the `alarm` event, or what this page has to say itself @returns {Alarm} */
export function alarmFrom(event) {
  return {
    level: event.level === "error" ? "error" : "warning",
    place: event.place ?? "",
    message: event.message ?? "",
    unixMs: event.t_unix_ns ? event.t_unix_ns / 1e6 : Date.now(),
    frameIndex: event.frame_index ?? undefined,
  };
}

/** Alarms, newest first; the same one again is counted, not repeated. */
export class AlarmsPanel {
  /**
   * @param {HTMLElement} host
   * @param {HTMLElement[]} counters  show how many there are
   */
  constructor(host, counters) {
    this.host = host;
    this.counters = counters;
    this.count = 0;
    this.clear();
  }

  /** Forget all of them; they stay in the log of eegcore. */
  clear() {
    this.count = 0;
    this.host.replaceChildren(element("li", "empty", "No alarms."));
    this.#showCount();
  }

  /** @param {Alarm} alarm */
  add(alarm) {
    if (this.count === 0) this.host.replaceChildren();
    this.count += 1;
    const time = new Date(alarm.unixMs).toLocaleTimeString("en-GB");
    const newest = /** @type {HTMLElement | null} */ (this.host.firstElementChild);
    const key = `${alarm.level} ${alarm.place} ${alarm.message}`;
    if (newest?.dataset.key === key) {
      const times = Number(newest.dataset.times) + 1;
      newest.dataset.times = String(times);
      const when = /** @type {HTMLElement} */ (newest.querySelector(".alarm-time"));
      when.textContent = `${time} · ${times} times`;
    } else {
      this.host.prepend(this.#make(alarm, time, key));
      while (this.host.children.length > MOST_ALARMS) this.host.lastElementChild?.remove();
    }
    this.#showCount();
  }

  /** @param {Alarm} alarm @param {string} time @param {string} key */
  #make(alarm, time, key) {
    const row = element("li", `alarm is-${alarm.level === "error" ? "bad" : "warn"}`);
    row.dataset.key = key;
    row.dataset.times = "1";
    const line = element("div", "alarm-line");
    line.append(
      icon(alarm.level === "error" ? "error" : "warning"),
      element("span", "alarm-place", edgeText(alarm.place)),
      element("span", "alarm-time", time),
    );
    const at = alarm.frameIndex === undefined ? "" : ` Frame ${grouped(alarm.frameIndex)}.`;
    row.append(line, element("p", "alarm-text", edgeText(alarm.message) + at));
    return row;
  }

  #showCount() {
    for (const counter of this.counters) {
      counter.textContent = this.count > 0 ? String(this.count) : "";
      counter.hidden = this.count === 0;
    }
  }
}

/** An icon of the sprite in index.html. @param {string} name */
export function icon(name) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(namespace, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

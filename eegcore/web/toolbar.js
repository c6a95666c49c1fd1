// @ts-check
/**
 * The controls of the picture: scale, time base, freeze, topic, theme, side panels; buttons and keys alike.
 */

import { shortLabels } from "./labels.js";
import { scaleText } from "./units.js";

/**
 * What a control does; the page carries it out.
 * @typedef {object} Actions
 * @property {(by: number) => void} scale      one step; +1 shows more uV per division
 * @property {() => void} fit
 * @property {(by: number) => void} timeBase   one step; +1 shows more seconds
 * @property {() => void} freeze
 * @property {(by: number) => void} channel    the next or the previous one
 * @property {(channel: number) => void} choose
 * @property {() => void} theme
 * @property {() => void} side
 * @property {(tab: string) => void} tab
 * @property {(topic: string) => void} topic
 * @property {() => void} record     open or close the panel
 * @property {() => void} clearAlarms
 */

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Toolbar {
  /** @param {Actions} actions */
  constructor(actions) {
    /** @type {Record<string, () => void>} */
    const clicks = {
      "scale-less": () => actions.scale(-1),
      "scale-more": () => actions.scale(1),
      "scale-fit": actions.fit,
      "time-less": () => actions.timeBase(-1),
      "time-more": () => actions.timeBase(1),
      "freeze": actions.freeze,
      "theme": actions.theme,
      "side-toggle": actions.side,
      "channel-previous": () => actions.channel(-1),
      "channel-next": () => actions.channel(1),
      "alarms-clear": actions.clearAlarms,
    };
    for (const [id, click] of Object.entries(clicks)) byId(id).addEventListener("click", click);
    for (const tab of document.querySelectorAll("[data-tab]")) {
      tab.addEventListener("click", () => actions.tab(/** @type {HTMLElement} */ (tab).dataset.tab ?? ""));
    }
    this.topics = /** @type {HTMLSelectElement} */ (byId("topic"));
    this.topics.addEventListener("change", () => actions.topic(this.topics.value));
    this.channels = /** @type {HTMLSelectElement} */ (byId("channel"));
    this.channels.addEventListener("change", () => actions.choose(Number(this.channels.value)));

    /** @type {Record<string, () => void>} */
    const keys = {
      "ArrowUp": () => actions.scale(-1), // larger traces
      "ArrowDown": () => actions.scale(1),
      "+": () => actions.scale(-1),
      "-": () => actions.scale(1),
      "ArrowLeft": () => actions.timeBase(-1),
      "ArrowRight": () => actions.timeBase(1),
      "a": actions.fit,
      " ": actions.freeze,
      "f": actions.freeze,
      "j": () => actions.channel(1),
      "k": () => actions.channel(-1),
      "t": actions.theme,
      "p": actions.side,
      "r": actions.record,
    };
    document.addEventListener("keydown", (event) => {
      const at = /** @type {HTMLElement} */ (event.target);
      if (event.ctrlKey || event.altKey || event.metaKey || at.closest("input, select, textarea, dialog")) return;
      if (event.key === " " && at.closest("button, summary")) return; // space presses what has the focus
      const action = keys[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    });
  }

  /** @param {number} perDivision @param {string} unit @param {number[]} steps */
  showScale(perDivision, unit, steps) {
    byId("scale-value").textContent = scaleText(perDivision, unit);
    /** @type {HTMLButtonElement} */ (byId("scale-less")).disabled = perDivision === steps[0];
    /** @type {HTMLButtonElement} */ (byId("scale-more")).disabled = perDivision === steps[steps.length - 1];
  }

  /** @param {number} timeBaseS @param {number[]} steps */
  showTimeBase(timeBaseS, steps) {
    byId("time-value").textContent = `${timeBaseS} s`;
    /** @type {HTMLButtonElement} */ (byId("time-less")).disabled = timeBaseS === steps[0];
    /** @type {HTMLButtonElement} */ (byId("time-more")).disabled = timeBaseS === steps[steps.length - 1];
  }

  /** @param {boolean} frozen */
  showFrozen(frozen) {
    byId("freeze").setAttribute("aria-pressed", String(frozen));
    byId("freeze-text").textContent = frozen ? "Unfreeze" : "Freeze";
  }

  /** @param {boolean} shown */
  showSide(shown) {
    document.body.classList.toggle("is-side-hidden", !shown);
    byId("side-toggle").setAttribute("aria-pressed", String(shown));
  }

  /**
   * Which of the side panels is seen where only one has room.
   *
   * @param {string} wanted        the tab that was chosen; another one where it would be empty
   * @param {boolean} hasSpectrum  @param {boolean} hasElectrodes
   */
  showTabs(wanted, hasSpectrum, hasElectrodes) {
    let name = wanted === "stages" && byId("tab-stages").hidden ? "spectrum" : wanted;
    if (name === "electrodes" && !hasElectrodes) name = "spectrum";
    if (name === "spectrum" && !hasSpectrum && hasElectrodes) name = "electrodes";
    byId("tab-spectrum").hidden = !hasSpectrum && hasElectrodes;
    byId("no-spectrum").hidden = hasSpectrum;
    byId("panel-spectrum").classList.toggle("is-empty", !hasSpectrum);
    byId("side").dataset.shown = name;
    for (const tab of document.querySelectorAll("[data-tab]")) {
      tab.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (tab).dataset.tab === name));
    }
  }

  /** @param {string[]} names @param {string | null} chosen */
  showTopics(names, chosen) {
    fillSelect(this.topics, names.map((name) => [name, name]), chosen ?? "");
    byId("topic-field").hidden = names.length < 2;
  }

  /** @param {string[]} labels @param {number} chosen */
  showChannels(labels, chosen) {
    const names = shortLabels(labels).map((label, channel) => [String(channel), label]);
    this.channels.title = labels[chosen] ?? "";
    fillSelect(this.channels, names, String(chosen));
    this.channels.disabled = labels.length === 0;
  }
}

/**
 * Replace the options only if they changed: an open list must not close under the finger.
 *
 * @param {HTMLSelectElement} select @param {string[][]} options   value and text
 * @param {string} value
 */
function fillSelect(select, options, value) {
  const now = JSON.stringify(options);
  if (select.dataset.options !== now) {
    select.dataset.options = now;
    select.replaceChildren(...options.map(([v, text]) => new Option(text, v)));
  }
  select.value = value;
}

// @ts-check
/**
 * The top bar: state, the three questions (live? lost? bad channel?), the commands, the connection.
 */

import { channelsText, clockText, faults, grouped, losses, measuredRateText, sourceRows } from "./figures.js";
import { element } from "./panels.js";

/** @typedef {"stopped"|"starting"|"running"|"paused"|"draining"|"failed"} State */

/** Which commands make sense in which state. @type {Record<string, string[]>} */
export const ALLOWED = {
  stopped: ["Start"],
  starting: ["Shutdown"],
  running: ["Pause", "Shutdown"],
  paused: ["Resume", "Shutdown"],
  draining: [],
  failed: ["Start"],
};

const SILENT_AFTER_S = 1.5;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const SIGNS = /** @type {Record<string, string>} */ ({
  "is-good": "good", "is-warn": "warning", "is-bad": "error", "is-idle": "idle",
});

/**
 * Colour and sign together: the meaning never hangs on the colour alone.
 * @param {HTMLElement} host @param {string} look
 */
function show(host, look) {
  host.className = `vital ${look}`;
  host.querySelector("use")?.setAttribute("href", `#icon-${SIGNS[look]}`);
}

export class Header {
  /**
   * @param {(command: string) => void} onCommand   Start, Shutdown, Pause or Resume
   * @param {() => void} onDetails                  the loss details were opened
   */
  constructor(onCommand, onDetails) {
    /** @type {State} */
    this.state = "stopped";
    this.connected = false;
    this.isRecording = false;
    this.buttons = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-command]")]);
    for (const button of this.buttons) {
      button.addEventListener("click", () => onCommand(button.dataset.command ?? ""));
    }
    const loss = byId("loss");
    const details = /** @type {HTMLElement} */ (byId("loss-details"));
    /** @param {boolean} open */
    const toggle = (open) => {
      details.hidden = !open;
      loss.setAttribute("aria-expanded", String(open));
      if (open) onDetails();
    };
    loss.addEventListener("click", () => toggle(details.hidden === true));
    document.addEventListener("click", (event) => {
      const at = /** @type {Node} */ (event.target);
      if (!details.hidden && !loss.contains(at) && !details.contains(at)) toggle(false);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !details.hidden) toggle(false);
    });
    this.showState("stopped", null);
  }

  /** @param {State} state @param {string | null} lastError */
  showState(state, lastError) {
    this.state = state;
    byId("state").className = `pill is-${state}`;
    byId("state-text").textContent = state;
    this.#enable();
    const banner = byId("banner");
    banner.hidden = !(state === "failed" && lastError);
    byId("banner-text").textContent = lastError ?? "";
  }

  /** @param {"connecting"|"open"|"waiting"} status @param {number} retryMs */
  showConnection(status, retryMs) {
    this.connected = status === "open";
    const host = byId("connection");
    host.className = `connection is-${status}`;
    const words = { open: "connected", connecting: "connecting", waiting: "no connection" };
    byId("connection-text").textContent = status === "waiting"
      ? `no connection, next attempt in ${(retryMs / 1000).toFixed(retryMs < 1000 ? 1 : 0)} s`
      : words[status];
    host.title = byId("connection-text").textContent ?? "";
    document.body.classList.toggle("is-disconnected", status !== "open");
    this.#enable();
  }

  /** @param {boolean} isRecording   pause and stop would break it off */
  showRecording(isRecording) {
    this.isRecording = isRecording;
    this.#enable();
  }

  /** @param {any} config @param {number | null} configRev */
  showConfig(config, configRev) {
    byId("pipeline").textContent = config?.name ?? "";
    byId("revision").textContent = configRev === null ? "" : `rev ${configRev}`;
  }

  /**
   * @param {number} sps
   * @param {boolean} isMeasured   by the clock of the computer, not what was asked for
   */
  showRate(sps, isMeasured) {
    byId("rate").textContent = isMeasured ? measuredRateText(sps) : `${grouped(sps)} SPS`;
    byId("rate").title = isMeasured ? "true rate of the source, measured by the clock of the computer" : "nominal rate";
  }

  /**
   * Is it live? Said in words, from what arrives, not from what the state promises.
   *
   * @param {number} silentS     seconds since the newest packet; Infinity before any
   * @param {number | null} runS length of the run so far
   * @param {boolean} hasEnded   a recording was played to its end
   */
  showLive(silentS, runS, hasEnded) {
    const host = byId("live");
    let words = "not running";
    let look = "is-idle";
    if (!this.connected) [words, look] = ["no connection", "is-bad"];
    else if (this.state === "stopped" && hasEnded) words = "end of recording";
    else if (this.state === "paused") [words, look] = ["paused", "is-warn"];
    else if (this.state === "running" && silentS < SILENT_AFTER_S) [words, look] = ["live", "is-good"];
    else if (this.state === "running") {
      words = Number.isFinite(silentS) ? `no data for ${Math.floor(silentS)} s` : "waiting for data";
      look = Number.isFinite(silentS) ? "is-bad" : "is-warn";
    }
    show(host, look);
    byId("live-text").textContent = words;
    byId("run-time").textContent = runS === null ? "" : clockText(runS);
  }

  /**
   * Show "lost 0 of N" and where.
   *
   * @param {any} stats         the newest `stats` event; null before any
   * @param {number} skipped    frames the server did not send to this page
   * @param {string} gapsText   a sentence about the gaps in the picture
   */
  showLosses(stats, skipped, gapsText) {
    const { frames, lost, rows } = losses(stats, skipped);
    const calm = skipped > 0 ? "is-warn" : "is-good";
    show(byId("loss"), lost > 0 ? "is-bad" : stats ? calm : "is-idle");
    byId("loss-text").textContent = `lost ${grouped(lost)} of ${grouped(frames)}`;
    byId("loss").title = rows.map((row) => `${row.text}: ${grouped(row.frames)}`).join("\n");
    byId("loss-rows").replaceChildren(...rows.flatMap((row) => {
      const value = element("dd", row.frames > 0 ? "is-loss" : "", grouped(row.frames));
      return [element("dt", "", row.text), value];
    }));
    byId("loss-gaps").textContent = gapsText;
    byId("source-rows").replaceChildren(...sourceRows(stats).flatMap(({ text, value, isBad }) => (
      [element("dt", "", text), element("dd", isBad ? "is-loss" : "", value)])));
  }

  /** @param {string} text   what the ledger and the health say */
  showLedger(text) {
    byId("loss-ledger").textContent = text;
  }

  /**
   * @param {string[]} labels
   * @param {Map<number, Set<string>>} states
   * @param {import("./evidence.js").Evidence} evidence
   */
  showChannels(labels, states, evidence) {
    const isOn = this.state === "running" || this.state === "paused"; // of a stopped run nothing is known
    const { text, isBad } = channelsText(isOn ? labels : [], states, evidence);
    const host = byId("channels");
    host.hidden = text === "";
    show(host, isBad ? "is-bad" : "is-good");
    byId("channels-text").textContent = text;
    const details = [...states].filter(([, what]) => faults(what).length > 0).map(([channel, what]) => (
      `${labels[channel]}: ${faults(what).join(", ").replaceAll("_", " ")}`));
    if (!isBad && evidence.saturated) details.push("No channel is at the rails of its converter.");
    details.push(evidence.leadOff ? "Lead-off is watched." : "Nothing here tells whether the electrodes have contact.");
    host.title = details.join("\n");
  }

  #enable() {
    const allowed = this.connected ? ALLOWED[this.state] ?? [] : [];
    for (const button of this.buttons) {
      const command = button.dataset.command ?? "";
      const isKept = this.isRecording && (command === "Pause" || command === "Shutdown");
      button.disabled = isKept || !allowed.includes(command);
      button.dataset.title ??= button.title;
      button.title = isKept ? "Locked while a recording goes on. End the recording first." : button.dataset.title;
      // Pause and Resume share one place.
      if (command === "Resume") button.hidden = this.state !== "paused";
      if (command === "Pause") button.hidden = this.state === "paused";
    }
  }
}

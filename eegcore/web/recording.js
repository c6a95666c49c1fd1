// @ts-check
/**
 * The recording panel: who and what, start and stop, how it stands. The button in the top bar opens it.
 *
 * What it shows is what the server says. A stop asks once more: what was not recorded does not come back.
 */

import { sendJson } from "./control.js";
import { bytesText, clockText, leftText } from "./figures.js";

const SURE_MS = 4000; // so long the second press is waited for

/**
 * `status.recording` of the server.
 * @typedef {object} Recording
 * @property {string} id
 * @property {"waiting" | "recording" | "failed" | "idle"} state
 * @property {string} [participant]
 * @property {number} [seconds] @property {number} [bytes]
 * @property {number | null} [seconds_left]   what the disk has room for
 * @property {number} [stalled_s] @property {string | null} [error]
 */

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id */
const inputOf = (id) => /** @type {HTMLInputElement} */ (byId(id));

export class RecordingPanel {
  /**
   * @param {() => void} onEnded    a recording has ended: the list has one more
   * @param {() => void} onOpened   somebody looks
   */
  constructor(onEnded, onOpened) {
    this.onEnded = onEnded;
    this.onOpened = onOpened;
    /** @type {Recording | null} */
    this.recording = null;
    this.canStart = false;
    this.busy = false;
    this.sureUntil = 0;
    this.opener = byId("record");
    this.panel = byId("panel-recording");
    this.button = /** @type {HTMLButtonElement} */ (byId("record-go"));
    this.opener.addEventListener("click", () => this.open(this.panel.hidden === true));
    byId("recording-form").addEventListener("submit", (event) => {
      event.preventDefault();
      // Enter in a field begins, and never ends
      if (!this.isOn || document.activeElement === this.button) this.press();
    });
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.open(false);
      event.stopPropagation(); // the page has keys of its own
    });
    document.addEventListener("click", (event) => {
      const at = /** @type {Node} */ (event.target);
      if (!this.panel.hidden && at.isConnected && !this.panel.contains(at) && !this.opener.contains(at)) this.open(false);
    });
    this.render();
  }

  /** Show or hide the panel under the button. @param {boolean} shown */
  open(shown) {
    this.panel.hidden = !shown;
    this.opener.setAttribute("aria-expanded", String(shown));
    this.sureUntil = 0;
    this.render();
    if (shown && !this.isOn) byId("participant").focus();
    if (shown) this.onOpened();
  }

  /** Open or close it. */
  toggle() {
    this.open(this.panel.hidden === true);
  }

  /** A recording goes on. */
  get isOn() {
    return this.recording !== null && this.recording.state !== "failed";
  }

  /** @param {Recording | null} recording   what the server says */
  show(recording) {
    const wasOn = this.isOn;
    this.recording = recording;
    if (wasOn && !this.isOn) this.onEnded();
    this.render();
  }

  /** @param {boolean} canStart   the pipeline runs */
  enable(canStart) {
    this.canStart = canStart;
    this.render();
  }

  /** Start; or stop, if pressed twice. */
  async press() {
    if (this.busy) return;
    if (this.isOn && performance.now() > this.sureUntil) {
      this.sureUntil = performance.now() + SURE_MS;
      window.setTimeout(() => this.render(), SURE_MS + 50);
      this.render();
      return;
    }
    const stops = this.isOn;
    this.sureUntil = 0;
    this.busy = true;
    this.say("");
    this.render();
    try {
      if (stops) await sendJson("POST", "/api/recordings/stop", {});
      else this.recording = await sendJson("POST", "/api/recordings", this.words());
      if (stops) this.recording = null;
      if (stops) this.onEnded();
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    } finally {
      this.busy = false;
      this.render();
    }
  }

  /** What the fields say, for the server. */
  words() {
    return {
      participant: inputOf("participant").value.trim(), task: inputOf("task").value.trim(),
      notes: inputOf("notes").value, pre_roll_s: Number(inputOf("pre-roll").value),
      csv: inputOf("with-csv").checked, bids: inputOf("with-bids").checked,
    };
  }

  /** @param {string} problem */
  say(problem) {
    byId("recording-problem").textContent = problem;
  }

  /** Show the state on the buttons, the fields and the figures. */
  render() {
    const { recording, isOn } = this;
    const isSure = performance.now() < this.sureUntil;
    const { button } = this;
    button.disabled = this.busy || !(isOn || this.canStart);
    button.classList.toggle("is-on", isOn);
    button.classList.toggle("is-sure", isSure);
    button.title = isOn || this.canStart ? "" : "Start the pipeline first";
    setWords(button, this.busy ? "One moment" : isSure ? "Press again to stop" : isOn ? "Stop recording"
      : "Start recording", isOn ? "stop" : "record");
    this.opener.classList.toggle("is-on", isOn);
    setWords(this.opener, isOn ? clockText(recording?.seconds ?? 0) : "Record", "record");
    this.opener.setAttribute("aria-label", isOn ? "Recording. Stop, and how it stands" : "Record");
    byId("recording-fields").toggleAttribute("disabled", isOn || this.busy);
    byId("recording-fields").hidden = isOn;
    const host = byId("recording-now");
    host.hidden = recording === null;
    host.className = `recording-now ${recording?.state === "failed" ? "is-bad" : "is-on"}`;
    byId("recording-time").textContent = clockText(recording?.seconds ?? 0);
    const parts = [recording?.participant, bytesText(recording?.bytes ?? 0), leftText(recording?.seconds_left ?? null)];
    if ((recording?.stalled_s ?? 0) > 1) parts.push(`the disk has not answered for ${recording?.stalled_s?.toFixed(0)} s`);
    byId("recording-figures").textContent = parts.filter(Boolean).join(" · ");
    if (recording?.state === "failed") this.say(recording.error ?? "The recording has failed.");
  }
}

/** @param {HTMLElement} button @param {string} words @param {string} icon */
function setWords(button, words, icon) {
  const text = button.querySelector("span");
  if (text && text.textContent !== words) text.textContent = words;
  button.querySelector("use")?.setAttribute("href", `#icon-${icon}`);
}

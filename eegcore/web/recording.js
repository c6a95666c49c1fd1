// @ts-check
/**
 * The recording panel: who and what, start and stop, how it stands. The button in the top bar does the same.
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
  /** @param {() => void} onEnded   a recording was ended here: the list has one more */
  constructor(onEnded) {
    this.onEnded = onEnded;
    /** @type {Recording | null} */
    this.recording = null;
    this.canStart = false;
    this.busy = false;
    this.sureUntil = 0;
    this.buttons = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-record]")]);
    for (const button of this.buttons) button.addEventListener("click", () => this.press());
    for (const field of byId("recording-form").querySelectorAll("input, textarea, select")) {
      field.addEventListener("keydown", (event) => event.stopPropagation()); // the page has keys of its own
    }
    byId("recording-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.isOn) this.press(); // Enter begins, and never ends
    });
    this.render();
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
    const words = this.busy ? "One moment" : isSure ? "Press again to stop" : isOn ? "Stop recording" : "Record";
    for (const button of this.buttons) {
      button.disabled = this.busy || !(isOn || this.canStart);
      button.classList.toggle("is-on", isOn);
      button.classList.toggle("is-sure", isSure);
      button.title = isOn ? "End the recording and finish its files. Asks once more" : this.canStart
        ? "Begin to record" : "Start the pipeline first";
      const text = button.querySelector("span");
      if (text) text.textContent = words;
      button.querySelector("use")?.setAttribute("href", isOn ? "#icon-stop" : "#icon-record");
    }
    byId("recording-fields").toggleAttribute("disabled", isOn || this.busy);
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

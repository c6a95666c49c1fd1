// @ts-check
/**
 * Placing markers: a field with a button, nine presets, and the keys 1 to 9 for them.
 */

import { sendJson } from "./control.js";
import { element } from "./panels.js";

const KEY = "eegcore.markers";
const MOST = 9;
const DEFAULTS = ["eyes open", "eyes closed", "stimulus", "response", "artefact"];

/** @returns {string[]} */
function loadPresets() {
  try {
    const kept = JSON.parse(window.localStorage.getItem(KEY) ?? "null");
    if (Array.isArray(kept) && kept.every((text) => typeof text === "string")) return kept.slice(0, MOST);
  } catch {
    // storage forbidden or broken: the defaults will do
  }
  return DEFAULTS;
}

export class MarkerPanel {
  /**
   * @param {HTMLElement} host
   * @param {(problem: string) => void} onProblem
   */
  constructor(host, onProblem) {
    this.host = host;
    this.onProblem = onProblem;
    this.presets = loadPresets();
    this.form = /** @type {HTMLFormElement} */ (host.querySelector("form"));
    this.field = /** @type {HTMLInputElement} */ (host.querySelector("#marker-text"));
    this.button = /** @type {HTMLButtonElement} */ (host.querySelector("#marker-place"));
    this.list = /** @type {HTMLElement} */ (host.querySelector("#marker-presets"));
    this.editor = /** @type {HTMLTextAreaElement} */ (host.querySelector("#marker-edit"));
    this.edit = /** @type {HTMLButtonElement} */ (host.querySelector("#marker-edit-toggle"));
    this.newest = /** @type {HTMLElement} */ (host.querySelector("#marker-newest"));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#place(this.field.value, () => { this.field.value = ""; });
    });
    for (const field of [this.field, this.editor]) {
      field.addEventListener("keydown", (event) => event.stopPropagation()); // the page has keys of its own
    }
    this.edit.addEventListener("click", () => this.#toggleEditor());
    document.addEventListener("keydown", (event) => {
      const at = /** @type {HTMLElement} */ (event.target);
      if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
      if (at.closest("input, select, textarea, dialog")) return;
      const text = /^[1-9]$/.test(event.key) ? this.presets[Number(event.key) - 1] : undefined;
      if (text === undefined || this.button.disabled) return;
      event.preventDefault();
      this.#place(text);
    });
    this.#showPresets();
    this.enable(false);
  }

  /** @param {boolean} canPlace   something runs, so there are frames a marker can belong to */
  enable(canPlace) {
    this.button.disabled = !canPlace;
    for (const button of this.list.querySelectorAll("button")) button.disabled = !canPlace;
  }

  /** @param {import("./markers.js").Marker | undefined} marker   the newest that came, whoever placed it */
  show(marker) {
    this.newest.textContent = marker
      ? `newest: ${marker.text}, ${new Date(marker.t_unix_ns / 1e6).toLocaleTimeString("en-GB")}` : "";
  }

  /** @param {string} text @param {() => void} [then] */
  async #place(text, then) {
    if (text.trim() === "") return;
    try {
      await sendJson("POST", "/api/markers", { text });
      then?.();
    } catch (error) {
      this.onProblem(error instanceof Error ? error.message : String(error));
    }
  }

  #showPresets() {
    this.list.replaceChildren(...this.presets.map((text, i) => {
      const button = /** @type {HTMLButtonElement} */ (element("button", "preset"));
      button.type = "button";
      button.title = `Place "${text}". Key: ${i + 1}`;
      button.append(element("kbd", "", String(i + 1)), element("span", "", text));
      button.addEventListener("click", () => this.#place(text));
      return button;
    }));
  }

  #toggleEditor() {
    const opens = this.editor.hidden;
    this.editor.hidden = !opens;
    this.edit.textContent = opens ? "Done" : "Edit";
    if (opens) {
      this.editor.value = this.presets.join("\n");
      this.editor.focus();
      return;
    }
    this.presets = this.editor.value.split("\n").map((line) => line.trim()).filter(Boolean).slice(0, MOST);
    try {
      window.localStorage.setItem(KEY, JSON.stringify(this.presets));
    } catch {
      // nothing depends on it
    }
    const wasDisabled = this.button.disabled;
    this.#showPresets();
    this.enable(!wasDisabled);
  }
}

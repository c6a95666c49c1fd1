// @ts-check
/**
 * The stages panel: every stage with its settings, to be changed while data flow.
 *
 * What it shows is what the server says is running; a field that was changed waits for the answer.
 */

import { lockText } from "./locks.js";
import { element } from "./panels.js";
import { adjustable, summaryOf, textOf, valueFrom } from "./stage_fields.js";

/** @typedef {import("./stage_fields.js").Field} Field */
/** @typedef {HTMLInputElement | HTMLSelectElement} Input */

/**
 * One stage as shown.
 * @typedef {object} Row
 * @property {HTMLDetailsElement} details
 * @property {HTMLElement} summary
 * @property {HTMLElement} problem
 * @property {HTMLElement} lock
 * @property {Map<string, Input>} inputs
 * @property {Field[]} fields
 */

export class StagesPanel {
  /**
   * @param {HTMLElement} panel   holds a list; hidden while there is nothing to adjust
   * @param {HTMLElement} tab     its tab on small screens
   * @param {(stageId: string, key: string, value: any) => Promise<any>} change   rejects with the reason if refused
   */
  constructor(panel, tab, change) {
    this.panel = panel;
    this.tab = tab;
    this.list = /** @type {HTMLElement} */ (panel.querySelector("ul"));
    this.change = change;
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    this.shape = "";
    /** @type {Map<string, string[]>} */
    this.locked = new Map();
    this.show(null, []);
  }

  /** @param {any} config   merged configuration @param {any[]} catalogue   as /api/stages gives it */
  show(config, catalogue) {
    const stages = adjustable(config, catalogue);
    const shape = stages.map(({ id, type }) => `${id} ${type}`).join("\n");
    this.panel.hidden = this.tab.hidden = stages.length === 0;
    if (shape !== this.shape) {
      this.shape = shape;
      const open = [...this.rows].filter(([, row]) => row.details.open).map(([id]) => id);
      this.rows.clear();
      this.list.replaceChildren(...stages.map((stage) => this.#make(stage, open.includes(stage.id))));
    }
    for (const { id, fields, settings } of stages) {
      const row = this.rows.get(id);
      if (!row) continue;
      row.summary.textContent = summaryOf(fields, settings);
      for (const [key, input] of row.inputs) {
        input.dataset.running = textOf(settings[key]);
        if (input !== document.activeElement) input.value = input.dataset.running;
      }
    }
    this.showLocks(this.locked);
  }

  /**
   * Grey out what would reach a recorder, and say which.
   * @param {Map<string, string[]>} locked   stage -> who records it
   */
  showLocks(locked) {
    this.locked = locked;
    for (const [id, row] of this.rows) {
      const holders = locked.get(id) ?? [];
      row.details.classList.toggle("is-locked", holders.length > 0);
      row.lock.textContent = holders.length > 0 ? lockText(holders) : "";
      for (const input of row.inputs.values()) input.disabled = holders.length > 0;
    }
  }

  /** @param {ReturnType<typeof adjustable>[number]} stage @param {boolean} isOpen */
  #make({ id, doc, fields, settings }, isOpen) {
    const item = element("li", "stage");
    const details = document.createElement("details");
    details.open = isOpen;
    const head = document.createElement("summary");
    head.title = doc;
    const summary = element("span", "stage-summary figure");
    head.append(element("span", "stage-name", id), summary);
    const problem = element("p", "stage-problem");
    problem.setAttribute("role", "alert");
    const lock = element("p", "stage-lock");
    const row = { details, summary, problem, lock, inputs: new Map(), fields };
    const list = element("div", "stage-fields");
    for (const field of fields) {
      const label = element("label", "stage-field");
      label.title = field.help;
      const input = makeInput(field);
      input.value = textOf(settings[field.key]);
      input.addEventListener("change", () => this.#send(id, row, field, input));
      label.append(element("span", "stage-key", field.key), input);
      list.append(label);
      row.inputs.set(field.key, input);
    }
    details.append(head, lock, list, problem);
    item.append(details);
    this.rows.set(id, row);
    return item;
  }

  /** @param {string} id @param {Row} row @param {Field} field @param {Input} input */
  async #send(id, row, field, input) {
    const before = input.dataset.running ?? "";
    if (input.value === before) return;
    row.problem.textContent = "";
    input.classList.add("is-waiting");
    try {
      await this.change(id, field.key, valueFrom(field, input.value));
    } catch (error) {
      row.problem.textContent = error instanceof Error ? error.message : String(error);
      input.value = input.dataset.running ?? before; // what runs, not what was wished for
    } finally {
      input.classList.remove("is-waiting");
    }
  }
}

/** @param {Field} field @returns {Input} */
function makeInput(field) {
  if (field.kind === "choice" || field.kind === "switch") {
    const select = document.createElement("select");
    const choices = field.kind === "switch" ? ["true", "false"] : field.choices;
    for (const choice of field.optional ? ["", ...choices] : choices) {
      select.append(new Option(choice === "" ? "–" : choice, choice));
    }
    return select;
  }
  const input = document.createElement("input");
  input.type = "text";
  input.autocomplete = "off";
  input.spellcheck = false;
  if (field.kind === "number" || field.kind === "integer") input.inputMode = "decimal";
  if (field.optional) input.placeholder = "–";
  input.readOnly = field.kind === "shown";
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") input.value = input.dataset.running ?? input.value;
    event.stopPropagation(); // the page has keys of its own
  });
  return input;
}

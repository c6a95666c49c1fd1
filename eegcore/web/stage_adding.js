// @ts-check
/**
 * The dialog that adds a stage to the pipeline while data flow: what, behind which output, with which settings.
 */

import { element } from "./panels.js";
import { fieldsOf } from "./stage_fields.js";
import { labelled, makeInput } from "./stage_inputs.js";
import { addable, outputsOf, problemsOf, proposedId, readersOf, stageFrom } from "./stage_making.js";

/** @typedef {import("./stage_fields.js").Field} Field */
/** @typedef {import("./stage_inputs.js").Input} Input */

/**
 * What is known of the pipeline while the dialog is open.
 * @typedef {object} Known
 * @property {any} config   merged configuration
 * @property {any} plan     null: not known yet
 * @property {any[] | null} catalogue
 */

const ROLES = [["stage", "filters and measures"], ["sink", "outputs"]];

/** @template {HTMLElement} T @param {string} id @returns {T} */
const byId = (id) => /** @type {T} */ (document.getElementById(id));

export class StageAdding {
  /**
   * @param {(id: string, wish: any) => Promise<any>} add   rejects with the reason if refused
   * @param {(id: string, answer: any) => void} onAdded     the dialog is closed by then
   */
  constructor(add, onAdded) {
    this.add = add;
    this.onAdded = onAdded;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("add-stage"));
    this.type = /** @type {HTMLSelectElement} */ (byId("add-type"));
    this.after = /** @type {HTMLSelectElement} */ (byId("add-after"));
    this.place = /** @type {HTMLSelectElement} */ (byId("add-place"));
    this.id = /** @type {HTMLInputElement} */ (byId("add-id"));
    this.submit = /** @type {HTMLButtonElement} */ (byId("add-go"));
    this.problem = byId("add-problem");
    /** @type {Known} */
    this.known = { config: null, plan: null, catalogue: null };
    /** @type {Map<string, string[]>} */
    this.locked = new Map();
    /** @type {Field[]} */
    this.fields = [];
    /** @type {Map<string, {input: Input, problem: HTMLElement}>} */
    this.inputs = new Map();
    this.type.addEventListener("change", () => this.#showType());
    this.after.addEventListener("change", () => this.#showPlaces());
    this.dialog.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    byId("add-cancel").addEventListener("click", () => this.dialog.close());
  }

  /**
   * Ask what to add.
   * @param {string} after   the stage it stands behind, unless another is chosen
   * @param {Known} known @param {Map<string, string[]>} locked   stage -> who records it
   */
  open(after, known, locked) {
    Object.assign(this, { known, locked });
    const catalogue = known.catalogue ?? [];
    const types = addable(catalogue);
    this.type.replaceChildren(...ROLES.map(([role, words]) => {
      const group = document.createElement("optgroup");
      group.label = words;
      group.append(...types.filter((entry) => entry.role === role).map(({ name }) => new Option(name, name)));
      return group;
    }));
    const outputs = outputsOf(known.config, known.plan, catalogue);
    this.after.replaceChildren(...outputs.map((name) => new Option(name, name)));
    this.after.value = outputs.find((name) => name.split(".")[0] === after) ?? outputs[0] ?? "";
    this.#showType();
    this.dialog.showModal();
    this.type.focus();
  }

  get entry() {
    return (this.known.catalogue ?? []).find(({ name }) => name === this.type.value) ?? null;
  }

  #showType() {
    const { entry } = this;
    byId("add-doc").textContent = entry?.doc ?? "";
    this.id.value = proposedId(this.type.value, this.known.config);
    this.fields = fieldsOf(entry?.settings);
    this.inputs.clear();
    byId("add-fields").replaceChildren(...this.fields.map((field) => {
      const input = makeInput(field);
      const label = labelled(field, input, field.fallback);
      if (field.required) label.querySelector(".stage-key")?.append(element("span", "stage-needed", " needed"));
      const problem = element("span", "stage-field-problem");
      problem.id = `add-problem-${field.key}`;
      input.setAttribute("aria-describedby", problem.id);
      label.append(problem);
      this.inputs.set(field.key, { input, problem });
      return label;
    }));
    this.#showPlaces();
    this.#say(new Map(), "");
  }

  /** A branch can always be made; what is recorded keeps its path. */
  #showPlaces() {
    const readers = readersOf(this.known.config, this.after.value);
    const holders = [...new Set(readers.flatMap((reader) => this.locked.get(reader) ?? []))];
    const spliced = new Option(`in the path, before ${readers.join(", ")}`, "splice");
    spliced.disabled = holders.length > 0;
    if (spliced.disabled) spliced.text += ` (locked: ${holders.join(", ")})`;
    const isIn = this.place.value === "splice" && !spliced.disabled;
    const canBe = this.entry?.role === "stage" && readers.length > 0;
    this.place.replaceChildren(new Option("a branch of its own", "branch"), ...(canBe ? [spliced] : []));
    this.place.value = canBe && isIn ? "splice" : "branch";
  }

  async #send() {
    const id = this.id.value.trim();
    this.#say(new Map(), "");
    this.submit.disabled = true;
    try {
      const stage = stageFrom(this.type.value, this.fields, (key) => this.inputs.get(key)?.input.value ?? "");
      const isSpliced = this.place.value === "splice";
      const answer = await this.add(id, { stage, after: this.after.value, ...(isSpliced ? { splice: true } : {}) });
      this.dialog.close();
      this.onAdded(id, answer);
    } catch (error) {
      const { byKey, rest } = problemsOf(error, id, this.fields);
      this.#say(byKey, rest);
    } finally {
      this.submit.disabled = false;
    }
  }

  /** @param {Map<string, string>} byKey @param {string} rest */
  #say(byKey, rest) {
    this.problem.textContent = rest;
    for (const [key, { input, problem }] of this.inputs) {
      problem.textContent = byKey.get(key) ?? "";
      input.setAttribute("aria-invalid", String(byKey.has(key)));
    }
    const [first] = byKey.keys();
    if (first === undefined) return;
    this.inputs.get(first)?.input.focus();
    this.inputs.get(first)?.problem.scrollIntoView({ block: "nearest" });
  }
}

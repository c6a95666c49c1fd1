// @ts-check
/**
 * The stages panel: every stage with its settings, to be changed while data flow; stages that come and go.
 *
 * What it shows is what the server says is running; a field that was changed waits for the answer.
 */

import { lockText } from "./locks.js";
import { element } from "./panels.js";
import { listed, summaryOf, textOf, valueFrom } from "./stage_fields.js";
import { labelled, makeInput } from "./stage_inputs.js";

/** @typedef {import("./stage_fields.js").Field} Field */
/** @typedef {import("./stage_inputs.js").Input} Input */
/** @typedef {ReturnType<typeof listed>[number]} Stage */

/**
 * What a person may ask for; each rejects with the reason if refused.
 * @typedef {object} StageActions
 * @property {(stageId: string, key: string, value: any) => Promise<any>} change
 * @property {(stageId: string) => void} add                 behind this stage; asks what
 * @property {(stageId: string) => Promise<any>} remove      the answer has `config_rev`
 * @property {(ifRev: number) => Promise<any>} undo          only if nothing has changed since
 */

/**
 * One stage as shown.
 * @typedef {object} Row
 * @property {string} type
 * @property {HTMLLIElement} item
 * @property {HTMLDetailsElement} details
 * @property {HTMLElement} head
 * @property {HTMLElement} summary
 * @property {HTMLElement} problem
 * @property {HTMLElement} lock
 * @property {HTMLButtonElement | null} remove   of a source there is none
 * @property {Map<string, Input>} inputs
 */

export class StagesPanel {
  /**
   * @param {HTMLElement} panel   holds a list and a line about what was done; hidden while there is no stage
   * @param {HTMLElement} tab     its tab on small screens
   * @param {StageActions} actions
   */
  constructor(panel, tab, actions) {
    this.panel = panel;
    this.tab = tab;
    this.list = /** @type {HTMLElement} */ (panel.querySelector("ul"));
    this.said = /** @type {HTMLElement} */ (panel.querySelector(".stages-said"));
    this.actions = actions;
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    /** @type {Map<string, string[]>} */
    this.locked = new Map();
    /** A stage that was added, and has not come yet. @type {string | null} */
    this.awaited = null;
    this.show(null, []);
  }

  /** @param {any} config   merged configuration @param {any[]} catalogue   as /api/stages gives it */
  show(config, catalogue) {
    const stages = listed(config, catalogue);
    this.panel.hidden = this.tab.hidden = stages.length === 0;
    const before = this.rows;
    this.rows = new Map(stages.map((stage) => {
      const row = before.get(stage.id);
      return [stage.id, row?.type === stage.type && row.inputs.size === stage.fields.length ? row : this.#make(stage)];
    }));
    const items = [...this.rows.values()].map((row) => row.item);
    // a row that stays is not touched: somebody may be writing in it
    if (items.length !== this.list.children.length || items.some((item, at) => item !== this.list.children[at])) {
      const focused = /** @type {HTMLElement | null} */ (document.activeElement);
      this.list.replaceChildren(...items);
      if (focused && this.list.contains(focused)) focused.focus();
    }
    for (const { id, fields, settings } of stages) {
      const row = /** @type {Row} */ (this.rows.get(id));
      row.summary.textContent = summaryOf(fields, settings);
      for (const [key, input] of row.inputs) {
        input.dataset.running = textOf(settings[key]);
        if (input !== document.activeElement) input.value = input.dataset.running;
      }
    }
    this.showLocks(this.locked);
    this.#reveal();
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
      if (row.remove) row.remove.disabled = holders.length > 0;
    }
  }

  /** Say that a stage was added, and show it when it has come. @param {string} id @param {number} rev */
  added(id, rev) {
    this.#say(`${id} was added.`, rev);
    this.awaited = id;
    this.#reveal();
  }

  #reveal() {
    const row = this.awaited === null ? undefined : this.rows.get(this.awaited);
    if (!row) return;
    this.awaited = null;
    row.details.open = true;
    row.item.scrollIntoView({ block: "nearest" });
    row.head.focus();
  }

  /** @param {Stage} stage @returns {Row} */
  #make({ id, type, role, doc, fields, settings }) {
    const item = document.createElement("li");
    item.className = "stage";
    item.dataset.stage = id;
    const details = document.createElement("details");
    const head = document.createElement("summary");
    head.title = doc;
    const summary = element("span", "stage-summary figure");
    head.append(element("span", "stage-name", id), summary);
    const problem = element("p", "stage-problem");
    problem.setAttribute("role", "alert");
    const lock = element("p", "stage-lock");
    const remove = role === "source" ? null : actionButton("Remove", `Remove ${id}`);
    /** @type {Row} */
    const row = { type, item, details, head, summary, problem, lock, remove, inputs: new Map() };
    const list = element("div", "stage-fields");
    for (const field of fields) {
      const input = makeInput(field);
      input.addEventListener("change", () => this.#send(id, row, field, input));
      list.append(labelled(field, input, settings[field.key]));
      row.inputs.set(field.key, input);
    }
    const buttons = element("div", "stage-actions");
    if (role !== "sink") {
      const add = actionButton("Add after…", `Add a stage after ${id}`);
      add.addEventListener("click", () => this.actions.add(id));
      buttons.append(add);
    }
    remove?.addEventListener("click", () => this.#remove(id, row));
    if (remove) buttons.append(remove);
    details.append(head, problem, element("p", "stage-doc", `${type}: ${doc}`), lock, list, buttons);
    item.append(details);
    return row;
  }

  /** @param {string} id @param {Row} row @param {Field} field @param {Input} input */
  async #send(id, row, field, input) {
    const before = input.dataset.running ?? "";
    if (input.value === before) return;
    row.problem.textContent = "";
    input.classList.add("is-waiting");
    try {
      await this.actions.change(id, field.key, valueFrom(field, input.value));
    } catch (error) {
      this.#refused(row, error);
      input.value = input.dataset.running ?? before; // what runs, not what was wished for
    } finally {
      input.classList.remove("is-waiting");
    }
  }

  /** @param {string} id @param {Row} row */
  async #remove(id, row) {
    row.problem.textContent = "";
    try {
      const answer = await this.actions.remove(id);
      this.#say(`${id} was removed.`, answer.config_rev)?.focus();
    } catch (error) {
      this.#refused(row, error);
    }
  }

  /** Say why not, where it is seen: the field may be the last of many. @param {Row} row @param {unknown} error */
  #refused(row, error) {
    row.problem.textContent = wordsOf(error);
    row.problem.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {string} words @param {number} [rev]   the revision that may be taken back
   * @returns {HTMLButtonElement | null} what takes it back
   */
  #say(words, rev) {
    this.said.replaceChildren(element("span", "", words));
    if (rev === undefined) return null;
    const undo = actionButton("Undo", `Undo: ${words}`);
    undo.addEventListener("click", async () => {
      undo.disabled = true;
      try {
        await this.actions.undo(rev);
        this.#say("Undone.");
      } catch (error) {
        this.#say(wordsOf(error));
      }
    });
    this.said.append(undo);
    return undo;
  }
}

/** @param {string} text @param {string} label */
function actionButton(text, label) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.setAttribute("aria-label", label);
  return button;
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : String(error);
}

// @ts-check
/**
 * One setting of a stage as a control: a list to choose from, or a field to write into.
 */

import { element } from "./panels.js";
import { textOf } from "./stage_fields.js";

/** @typedef {import("./stage_fields.js").Field} Field */
/** @typedef {HTMLInputElement | HTMLSelectElement} Input */

/** @param {Field} field @returns {Input} */
export function makeInput(field) {
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
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") input.value = input.dataset.running ?? input.value;
    event.stopPropagation(); // the page has keys of its own
  });
  return input;
}

/** A control under its name, the help with it. @param {Field} field @param {Input} input @param {any} value */
export function labelled(field, input, value) {
  const label = element("label", "stage-field");
  label.title = field.help;
  input.value = textOf(value);
  label.append(element("span", "stage-key", field.key), input);
  return label;
}

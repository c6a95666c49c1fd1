// @ts-check
/**
 * A new stage, from what a person has chosen: its types, its id, what it may read, and the request for it.
 */

import { textOf, valueFrom } from "./stage_fields.js";

/** @typedef {import("./stage_fields.js").Field} Field */

/** What is wrong with a setting: `key` says which. */
export class FieldError extends Error {
  /** @param {string} key @param {string} message */
  constructor(key, message) {
    super(message);
    this.key = key;
  }
}

/** Types that can stand behind one output. @param {any[]} catalogue   as /api/stages gives it @returns {any[]} */
export function addable(catalogue) {
  return catalogue.filter(({ role, inputs }) => role !== "source" && (inputs?.[0] ?? 1) <= 1);
}

/**
 * The type, with a number if that is taken, or if the websocket sink that may come with it would be.
 * @param {string} type @param {any} config
 */
export function proposedId(type, config) {
  const stages = config?.stages ?? {};
  const isTaken = (/** @type {string} */ id) => id in stages || `ws_${id}` in stages;
  let id = type;
  for (let number = 2; isTaken(id); number += 1) id = `${type}_${number}`;
  return id;
}

/**
 * What a stage may read: ids, and "id.port" of stages that have several outputs.
 * @param {any} config @param {any} plan   null: not known yet @param {any[]} catalogue
 * @returns {string[]}
 */
export function outputsOf(config, plan, catalogue) {
  const sinks = new Set(catalogue.filter(({ role }) => role === "sink").map(({ name }) => name));
  /** @type {Map<string, any[]>} */
  const planned = new Map((plan?.stages ?? []).map((/** @type {any} */ stage) => [stage.id, stage.outputs]));
  return Object.entries(config?.stages ?? {}).flatMap(([id, { type }]) => {
    if (sinks.has(type)) return [];
    const outputs = planned.get(id) ?? [];
    return outputs.length > 1 ? outputs.map(({ port }) => `${id}.${port}`) : [id];
  });
}

/** Stages that read a stage. @param {any} config @param {string} output @returns {string[]} */
export function readersOf(config, output) {
  const id = output.split(".")[0];
  return Object.entries(config?.stages ?? {}).filter(([, stage]) => (stage.inputs ?? []).some(
    (/** @type {any} */ input) => input === output || String(input).split(".")[0] === id && !output.includes("."),
  )).map(([reader]) => reader);
}

/**
 * The stage that is asked for: its type, and what is not as by default.
 * @param {string} type @param {Field[]} fields @param {(key: string) => string} textAt
 * @returns {Record<string, any>}
 * @throws {FieldError}
 */
export function stageFrom(type, fields, textAt) {
  /** @type {Record<string, any>} */
  const stage = { type };
  for (const field of fields) {
    const text = textAt(field.key);
    if (text.trim() === textOf(field.fallback)) continue;
    try {
      stage[field.key] = valueFrom(field, text);
    } catch (error) {
      throw new FieldError(field.key, error instanceof Error ? error.message : String(error));
    }
  }
  return stage;
}

/**
 * What the server found wrong: by setting, and what is of none.
 * @param {any} error   with `details` @param {string} id @param {Field[]} fields
 * @returns {{byKey: Map<string, string>, rest: string}}
 */
export function problemsOf(error, id, fields) {
  /** @type {Map<string, string>} */
  const byKey = new Map();
  if (error instanceof FieldError) return { byKey: byKey.set(error.key, error.message), rest: "" };
  const message = error instanceof Error ? error.message : String(error);
  const rest = [];
  for (const problem of error?.details?.problems ?? []) {
    const [stage, key] = String(problem.path).replace(/^stages\./, "").split(".");
    const text = `${[problem.message, problem.allowed, problem.hint].filter(Boolean).join(". ")}.`;
    if (stage === id && fields.some((field) => field.key === key)) byKey.set(key, text);
    else rest.push(text);
  }
  return { byKey, rest: rest.length > 0 || byKey.size > 0 ? rest.join(" ") : message };
}

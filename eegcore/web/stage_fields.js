// @ts-check
/**
 * Settings of stages as fields a person can edit: from JSON Schema to a field, from text to a value and back.
 */

/**
 * @typedef {object} Field
 * @property {string} key
 * @property {"number" | "integer" | "choice" | "switch" | "text" | "shown"} kind   shown: too rich for a field
 * @property {string[]} choices      of a choice
 * @property {boolean} optional      an empty field is no value
 * @property {string} help
 */

/** Shapes of one setting, an empty one (null) set apart. @param {any} property */
function shapesOf(property) {
  const shapes = property.anyOf ?? property.oneOf ?? [property];
  return { shapes: shapes.filter((/** @type {any} */ shape) => shape.type !== "null"),
    optional: shapes.some((/** @type {any} */ shape) => shape.type === "null") };
}

/** @param {any[]} shapes @returns {Field["kind"]} */
function kindOf(shapes) {
  const [shape] = shapes;
  if (shapes.length !== 1 || !shape) return shape?.type === "number" ? "number" : "shown";
  if (Array.isArray(shape.enum) && shape.enum.every((/** @type {any} */ one) => typeof one === "string")) return "choice";
  if (shape.type === "number" || shape.type === "integer") return shape.type;
  if (shape.type === "boolean") return "switch";
  return shape.type === "string" ? "text" : "shown";
}

/** @param {any} schema   JSON Schema of a stage's settings @returns {Field[]} */
export function fieldsOf(schema) {
  return Object.entries(schema?.properties ?? {}).map(([key, property]) => {
    const { shapes, optional } = shapesOf(property);
    const kind = kindOf(shapes);
    return { key, kind, optional, choices: kind === "choice" ? shapes[0].enum : [], help: property.description ?? "" };
  });
}

/** @param {any} value @returns {string} as it is written in a field */
export function textOf(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * @param {Field} field @param {string} text   what a person has written
 * @returns {any} the value to send
 * @throws {Error} with what is wrong, for that person
 */
export function valueFrom(field, text) {
  const written = text.trim();
  if (written === "" && field.optional) return null;
  if (field.kind === "switch") return written === "true";
  if (field.kind !== "number" && field.kind !== "integer") return written;
  const value = Number(written.replace(",", "."));
  if (written === "" || !Number.isFinite(value)) throw new Error(`${field.key}: "${written}" is no number.`);
  if (field.kind === "integer" && !Number.isInteger(value)) throw new Error(`${field.key}: ${written} is not whole.`);
  return value;
}

/**
 * The stages a person may adjust, in the order of the pipeline.
 *
 * @param {any} config      merged configuration: `stages` by id
 * @param {any[]} catalogue   as /api/stages gives it
 * @returns {{id: string, type: string, doc: string, fields: Field[], settings: any}[]}
 */
export function adjustable(config, catalogue) {
  const types = new Map(catalogue.map((entry) => [entry.name, entry]));
  return Object.entries(config?.stages ?? {}).flatMap(([id, settings]) => {
    const entry = types.get(settings.type);
    if (entry?.role !== "stage") return [];
    const fields = fieldsOf(entry.settings).filter((field) => field.key in settings);
    return fields.length > 0 ? [{ id, type: settings.type, doc: entry.doc, fields, settings }] : [];
  });
}

/** The first settings in few words: "hz 60 · q 30". @param {Field[]} fields @param {any} settings */
export function summaryOf(fields, settings) {
  const said = fields.filter(({ key }) => settings[key] !== null && typeof settings[key] !== "object");
  return said.slice(0, 2).map(({ key }) => `${key} ${textOf(settings[key])}`).join(" · ");
}

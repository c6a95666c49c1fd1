// @ts-check
/**
 * Settings of stages as fields a person can edit: from JSON Schema to a field, from text to a value and back.
 */

/**
 * @typedef {object} Field
 * @property {string} key
 * @property {"number" | "integer" | "choice" | "switch" | "text" | "rich"} kind   rich: lists and mappings, as JSON
 * @property {string[]} choices      of a choice
 * @property {boolean} optional      an empty field is no value
 * @property {string} help
 * @property {any} fallback          what it is if nothing is said
 * @property {boolean} required      there is nothing that it is then
 * @property {boolean} isList        of one value it makes a list
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
  if (shapes.length !== 1 || !shape) return shape?.type === "number" ? "number" : "rich";
  if (Array.isArray(shape.enum) && shape.enum.every((/** @type {any} */ one) => typeof one === "string")) return "choice";
  if (shape.type === "number" || shape.type === "integer") return shape.type;
  if (shape.type === "boolean") return "switch";
  return shape.type === "string" ? "text" : "rich";
}

/** @param {any} schema   JSON Schema of a stage's settings @returns {Field[]} */
export function fieldsOf(schema) {
  return Object.entries(schema?.properties ?? {}).map(([key, property]) => {
    const { shapes, optional } = shapesOf(property);
    const kind = kindOf(shapes);
    return { key, kind, optional, choices: kind === "choice" ? shapes[0].enum : [], help: property.description ?? "",
      fallback: property.default ?? null, required: (schema.required ?? []).includes(key),
      isList: shapes.length > 0 && shapes.every((/** @type {any} */ shape) => shape.type === "array") };
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
  if (field.kind === "rich") {
    const value = richFrom(written);
    return field.isList && !Array.isArray(value) ? [value] : value;
  }
  if (field.kind !== "number" && field.kind !== "integer") return written;
  const value = Number(written.replace(",", "."));
  if (written === "" || !Number.isFinite(value)) throw new Error(`${field.key}: "${written}" is no number.`);
  if (field.kind === "integer" && !Number.isInteger(value)) throw new Error(`${field.key}: ${written} is not whole.`);
  return value;
}

/** JSON, or what people write instead of it: "Fp1, Fp2", "1, 3", a word. @param {string} written */
function richFrom(written) {
  try {
    return JSON.parse(written);
  } catch {
    if (!written.includes(",")) return written;
    return written.split(",").map((part) => part.trim()).filter(Boolean)
      .map((part) => (Number.isFinite(Number(part)) ? Number(part) : part));
  }
}

/**
 * The stages of a pipeline in its order, and the settings that may change while it runs: those of what is neither
 * a source nor a sink.
 *
 * @param {any} config      merged configuration: `stages` by id
 * @param {any[]} catalogue   as /api/stages gives it
 * @returns {{id: string, type: string, role: string, doc: string, fields: Field[], settings: any}[]}
 */
export function listed(config, catalogue) {
  const types = new Map(catalogue.map((entry) => [entry.name, entry]));
  return Object.entries(config?.stages ?? {}).map(([id, settings]) => {
    const { role = "stage", doc = "", settings: schema = {} } = types.get(settings.type) ?? {};
    const fields = role === "stage" ? fieldsOf(schema).filter((field) => field.key in settings) : [];
    return { id, type: settings.type, role, doc, fields, settings };
  });
}

/** The first settings in few words: "hz 60 · q 30". @param {Field[]} fields @param {any} settings */
export function summaryOf(fields, settings) {
  const said = fields.filter(({ key }) => settings[key] !== null && typeof settings[key] !== "object");
  return said.slice(0, 2).map(({ key }) => `${key} ${textOf(settings[key])}`).join(" · ");
}

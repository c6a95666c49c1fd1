/**
 * Channel labels for narrow places.
 *
 * Recordings often name channels alike ("EXG Channel 0", "EXG Channel 1"): what
 * tells them apart stands at the end, where a narrow column would cut it off.
 */

const ROOM = 8;
const WORTH_IT = 4;

/**
 * Leave out what all labels begin with, if they are too long otherwise.
 * @param {string[]} labels
 * @returns {string[]} one short label per label, different if the labels are
 */
export function shortLabels(labels) {
  if (labels.length < 2 || Math.max(...labels.map((label) => label.length)) <= ROOM) return labels;
  let common = labels[0].length;
  for (const label of labels) {
    while (!label.startsWith(labels[0].slice(0, common))) common -= 1;
  }
  common = Math.min(common, ...labels.map((label) => label.length - 1)); // something must be left of every label
  return common < WORTH_IT ? labels : labels.map((label) => `…${label.slice(common)}`);
}

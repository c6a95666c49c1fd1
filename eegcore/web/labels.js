/**
 * Channel labels for narrow places.
 *
 * Recordings often name channels alike ("EXG Channel 0", "EXG Channel 1"): what
 * tells them apart stands at the end, where a narrow column would cut it off.
 */

const ROOM = 8;
const WORTH_IT = 4;
const SHORT_WORD = 4;
const SEPARATED = /^.*[\s_\-:./]/u;

/**
 * Leave out what all labels begin with, if they are too long otherwise; a bare number keeps a hint of it.
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
  const head = wholeWords(labels[0].slice(0, common));
  if (head.length < WORTH_IT) return labels;
  const rests = labels.map((label) => label.slice(head.length));
  if (rests.every((rest) => /^\p{L}/u.test(rest))) return SEPARATED.test(head) ? rests : labels;
  return rests.map((rest) => `${hintOf(head)} ${rest}`);
}

/** Cut a common beginning where a word or a number begins. @param {string} head */
function wholeWords(head) {
  return head.match(SEPARATED)?.[0] ?? head.replace(/\d+$/, "");
}

/** "EXG Channel " is EXG, "Channel " is Ch. @param {string} head */
function hintOf(head) {
  const [word] = head.split(/[\s_\-:./]+/u);
  return word.length <= SHORT_WORD ? word : word.slice(0, 2);
}

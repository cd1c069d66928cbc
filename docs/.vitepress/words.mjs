/** Words for the search. Used by the build and by the page: no functions may travel in the site's data,
 *  since the page's policy forbids making code from text. */

const HAN = /\p{Script=Han}/u;
const BETWEEN_HAN = /(?<=\p{Script=Han})(?=\p{Script=Han})/gu;
/** Separates words for the index and can hardly be seen. */
const HAIR_SPACE = "\u200a";

/** Text with every Chinese character as a word of its own. */
export const spaced = (text) => text.replace(BETWEEN_HAN, HAIR_SPACE);

/** What somebody searches, cut as the index was. */
export const words = (text) =>
  text.split(/[\n\r\p{Z}\p{P}]+/u).flatMap((part) => (HAN.test(part) ? spaced(part).split(HAIR_SPACE) : [part]));

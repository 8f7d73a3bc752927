// Images that come as bytes.

import { element } from './elements.js';

/** @import { ImageUrls } from './types.js' */

/**
 * Images of PNG bytes, whose addresses are let go when others are shown.
 *
 * @returns {ImageUrls}
 */
export function makeImages() {
  /** @type {string[]} */
  let urls = [];
  return {
    make: (bytes, label) => {
      const url = URL.createObjectURL(new Blob([/** @type {DataView<ArrayBuffer>} */ (bytes)], { type: 'image/png' }));
      urls.push(url);
      return element('img', { class: 'nbpart-figure', src: url, alt: label });
    },
    release: () => {
      urls.forEach((url) => URL.revokeObjectURL(url));
      urls = [];
    },
  };
}

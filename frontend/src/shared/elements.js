// Elements of the page. Text that came from a person goes into it by textContent or setAttribute only.

/** @import { Attributes, Child } from './types.js' */

const SVG_NS = 'http://www.w3.org/2000/svg';

/**
 * Set attributes; null, undefined and false take one away.
 *
 * @template {Element} N
 * @param {N} node
 * @param {Attributes | null} [attributes]
 * @returns {N}
 */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else if (name === 'text') node.textContent = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  return node;
}

/**
 * An element; `text` is its text, `on…` its listeners, everything else an attribute.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes | null} [attributes]
 * @param {...Child} children
 */
export function element(tag, attributes, ...children) {
  const node = setAttributes(document.createElement(tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * The same for SVG.
 *
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes | null} [attributes]
 * @param {...Child} children
 */
export function svgElement(tag, attributes, ...children) {
  const node = setAttributes(document.createElementNS(SVG_NS, tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

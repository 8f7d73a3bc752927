// Elements of the page. Text that came from a person goes into it by textContent or setAttribute only.

const SVG_NS = 'http://www.w3.org/2000/svg';

export const setAttributes = (node, attributes) => {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else if (name === 'text') node.textContent = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  return node;
};

/** An element; `text` is its text, `on…` its listeners, everything else an attribute. Children may be texts. */
export function element(tag, attributes, ...children) {
  const node = setAttributes(document.createElement(tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** The same for SVG. */
export function svgElement(tag, attributes, ...children) {
  const node = setAttributes(document.createElementNS(SVG_NS, tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

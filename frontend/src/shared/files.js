// Links to files on the machine of the kernel.

import { element } from './elements.js';

/**
 * A link that opens a file of the kernel's machine in JupyterLab, where it lies below the server's folder; else its
 * path as text. `home` is the kernel's home folder: the server's root may be given relative to it, with "~".
 *
 * @param {string} path
 * @param {string} home
 * @param {string} text
 */
export function makeFileLink(path, home, text) {
  const inside = findServedPath(path, home);
  if (inside === null) {
    return element('span', { class: 'nbpart-path', text: path, title: 'Not below the folder that Jupyter serves' });
  }
  const href = `${pageConfig().baseUrl || '/'}lab/tree/${inside.split('/').map(encodeURIComponent).join('/')}`;
  return element('a', {
    class: 'nbpart-link', href, text, title: path, target: '_blank', rel: 'noopener',
    // JupyterLab itself opens what carries these
    'data-commandlinker-command': 'docmanager:open', 'data-commandlinker-args': JSON.stringify({ path: inside }),
  });
}

/**
 * The path below the folder that this page's server serves; null for a file that lies elsewhere.
 *
 * @param {string} path
 * @param {string} home
 */
export function findServedPath(path, home) {
  const { serverRoot } = pageConfig();
  if (!serverRoot) return null;
  const root = (serverRoot === '~' || serverRoot.startsWith('~/') ? home + serverRoot.slice(1) : serverRoot).replace(/\/+$/, '');
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : null;
}

/** @returns {{ baseUrl?: string; serverRoot?: string }} */
function pageConfig() {
  try {
    return JSON.parse(document.getElementById('jupyter-config-data')?.textContent ?? '');
  } catch {
    return {};
  }
}

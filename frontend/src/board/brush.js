// The brush of an axis: drawn, moved and cleared with the mouse, and its two ends by keyboard.

import { element, setAttributes } from '../shared/elements.js';
import { onKeys } from '../shared/page.js';

/** @import { Scale } from './types.js' */

/** So near to an end of a brush, in pixels, that end is moved. */
const GRAB_PX = 7;
/** So many times a step that a key moves. */
const PAGE_STEPS = 5;

/**
 * @param {string} name
 * @param {Scale} firstScale
 * @param {number} height
 * @param {(brush: [number, number] | null) => void} onChange
 */
export function makeBrush(name, firstScale, height, onChange) {
  let scale = firstScale;
  /** @type {[number, number] | null} */
  let brush = null;
  const area = element('div', { class: 'nbpart-brush', hidden: true });
  const ends = [0, 1].map((end) => element('div', { class: `nbpart-brush-end is-${end ? 'high' : 'low'}`, role: 'slider', tabindex: '0', 'aria-orientation': 'vertical', 'aria-label': `${name}: ${end ? 'at most' : 'at least'}`, 'aria-valuemin': '0', 'aria-valuemax': '100', title: 'Arrow keys choose from here, Escape clears' }));
  const node = element('div', { class: 'nbpart-track' }, area, ...ends);
  node.style.height = `${height}px`;

  /** @type {(value: number) => number} */
  const clamp = (value) => Math.max(0, Math.min(1, value));
  /** @type {(event: PointerEvent) => number} */
  const unitAt = (event) => clamp(1 - (event.clientY - node.getBoundingClientRect().top) / height);

  /** @param {[number, number] | null} next */
  function change(next) {
    show(next);
    onChange(next);
  }

  /** @param {[number, number] | null} next */
  function show(next) {
    brush = next;
    area.hidden = !brush;
    const [low, high] = brush ?? [0, 1];
    area.style.bottom = `${low * height}px`;
    area.style.height = `${Math.max(2, (high - low) * height)}px`;
    ends.forEach((handle, end) => {
      const unit = end ? high : low;
      handle.style.bottom = `${unit * height}px`;
      handle.classList.toggle('is-set', Boolean(brush));
      const isOpen = end ? unit >= 0.998 : unit <= 0.002;
      const text = brush ? (isOpen ? `any, ${end ? 'highest' : 'lowest'}` : scale.format(scale.roundAt(unit))) : 'not set';
      setAttributes(handle, { 'aria-valuenow': String(Math.round(unit * 100)), 'aria-valuetext': text });
    });
  }

  node.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    node.setPointerCapture(event.pointerId);
    const at = unitAt(event);
    const before = brush;
    const grab = GRAB_PX / height;
    // an end that is fixed, or the whole brush by the place where it was taken
    let fixed = at;
    let isMoved = false;
    let wasDragged = false;
    if (before && Math.abs(at - before[0]) <= grab) fixed = before[1];
    else if (before && Math.abs(at - before[1]) <= grab) fixed = before[0];
    else if (before && at > before[0] && at < before[1]) isMoved = true;
    /** @param {PointerEvent} moved */
    const drag = (moved) => {
      const to = unitAt(moved);
      if (!wasDragged && Math.abs(to - at) * height < 3) return;
      wasDragged = true;
      if (isMoved && before) {
        const by = Math.max(-before[0], Math.min(1 - before[1], to - at));
        change([before[0] + by, before[1] + by]);
      } else change([Math.min(fixed, to), Math.max(fixed, to)]);
    };
    const end = () => {
      node.removeEventListener('pointermove', drag);
      node.removeEventListener('pointerup', end);
      node.removeEventListener('pointercancel', end);
      if (!wasDragged && before) change(null); // a click clears
    };
    node.addEventListener('pointermove', drag);
    node.addEventListener('pointerup', end);
    node.addEventListener('pointercancel', end);
  });

  ends.forEach((handle, end) => {
    /** @type {(steps: number) => void} */
    const move = (steps) => {
      const [low, high] = brush ?? [0, 1];
      const by = steps * scale.step;
      change(end ? [low, Math.max(low, clamp(high + by))] : [Math.min(high, clamp(low + by)), high]);
    };
    const clear = () => (brush ? change(null) : false);
    onKeys(handle, {
      ArrowUp: () => move(1), ArrowRight: () => move(1), ArrowDown: () => move(-1), ArrowLeft: () => move(-1),
      PageUp: () => move(PAGE_STEPS), PageDown: () => move(-PAGE_STEPS), Home: () => move(-1 / scale.step), End: () => move(1 / scale.step),
      Enter: () => change(brush ? null : [0, 1]), ' ': () => change(brush ? null : [0, 1]), Escape: clear, Delete: clear, Backspace: clear,
    });
  });

  show(null);
  return {
    node, show,
    /** @param {Scale} next */
    setScale: (next) => void (scale = next),
  };
}

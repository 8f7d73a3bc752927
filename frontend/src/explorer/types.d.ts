// What the explorer's panel is made of.

import type { ExplorerContract } from '../generated/messages.js';

/** What a form is about: what is selected, with what is above or below it, where a condition is true. */
export type Choice = Omit<ExplorerContract['requests']['plan'], 'status'>;

/** How the button looks that does it. */
export type Look = 'nbpart-primary' | 'nbpart-danger';

/** A question in place of the buttons that ask it; the focus goes back to them where it is closed by a person. */
export interface Question {
  node: HTMLElement;
  ask(question: string, answer: { word: string; look: Look }, from: HTMLElement, act: () => void): void;
  close(isBack?: boolean): void;
}

/** A part of the panel that folds; what a person folded stays so. */
export interface Section {
  node: HTMLDetailsElement;
  body: HTMLElement;
  isOpen(): boolean;
  show(visible: boolean): void;
  setNote(text: string): void;
  suggestOpen(open: boolean): void;
}

/** A backfill in the panel. */
export interface Row {
  box: HTMLElement;
  glyph: HTMLElement;
  summary: HTMLElement;
  bar: HTMLElement;
  cancel: HTMLButtonElement;
  retry: HTMLButtonElement;
  resume: HTMLButtonElement;
}

/** ImageUrls of PNG bytes; `release` lets backfillButton of all that were made. */
export interface ImageUrls {
  make(bytes: DataView, label: string): HTMLElement;
  release(): void;
}

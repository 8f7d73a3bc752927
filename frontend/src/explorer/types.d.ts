// What the explorer's panel is made of.

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

// What the explorer's panel is made of.

/** A part of the panel that folds; what a person folded stays so. */
export interface Fold {
  node: HTMLDetailsElement;
  body: HTMLElement;
  isOpen(): boolean;
  show(visible: boolean): void;
  tell(text: string): void;
  suggest(open: boolean): void;
}

/** A backfill in the panel. */
export interface Row {
  box: HTMLElement;
  sign: HTMLElement;
  told: HTMLElement;
  bar: HTMLElement;
  cancel: HTMLButtonElement;
  retry: HTMLButtonElement;
  resume: HTMLButtonElement;
}

/** Pictures of PNG bytes; `drop` lets go of all that were made. */
export interface Pictures {
  make(bytes: DataView, label: string): HTMLElement;
  drop(): void;
}

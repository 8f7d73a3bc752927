// What the explorer's panel is made of.

import type { ExplorerContract } from '../generated/messages.js';
import type { Answer } from '../shared/types.js';

/** What a form is about: what is selected, with what is above or below it, where a condition is true. */
export type Choice = Omit<ExplorerContract['requests']['plan'], 'status'>;

/** Something that is done to partitions, as a question asks for it. */
export interface Verb {
  /** What a person says of it besides; each calls `Question.changed` where it has become something else. */
  fields: HTMLElement[];
  /** Whether it is asked before it is known that there is something to do: that depends on its fields. */
  isOpen: boolean;
  /** The button that does it, as the fields stand. */
  look(): { word: string; isGrave: boolean };
  run(how: { reason: string; dry_run: boolean }): Promise<{ count: number } & Answer>;
}

/** A question in place of the buttons that ask it; the focus goes back to them where it is closed by a person. */
export interface Question {
  node: HTMLElement;
  ask(verb: Verb, from: HTMLElement): Promise<void>;
  /** A field of the verb has become something else. */
  changed(): void;
  close(isBack?: boolean): void;
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

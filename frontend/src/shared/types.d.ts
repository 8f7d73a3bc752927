// Types that are not generated from Python: the model of anywidget, and the link to Python over it.

import type { BoardContract, BoardRunJson, CurveLineJson, TriggerJson, TriggersContract } from '../generated/messages.js';

/** The model that anywidget passes to a widget. */
export interface Model {
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(message: unknown): void;
  on(event: string, listener: (...values: any[]) => void): void;
  off(event: string, listener: (...values: any[]) => void): void;
}

/** The contract between a widget and its pages; see `generated/messages.d.ts`. */
export interface Contract {
  state: any;
  patches: any;
  requests: any;
  answers: any;
}

/** What every answer has: a sentence to show, and the line of Python that does the same; each may be "". */
export interface Answer {
  message: string;
  code: string;
  buffers: DataView[];
}

/** A change of the state: a patch, or `snapshot` after the whole state was replaced. */
export type Change<C extends Contract> =
  | { [Kind in keyof C['patches']]: [kind: Kind, payload: C['patches'][Kind]] }[keyof C['patches']]
  | [kind: 'snapshot', payload: null];

/** A patch as it is applied: its kind, its payload, its buffers. */
export type Patch<C extends Contract> = {
  [Kind in keyof C['patches']]: [kind: Kind, payload: C['patches'][Kind], buffers: DataView[]];
}[keyof C['patches']];

/** The link of one widget in this page to Python, shared by all its views. `State` is what the page keeps. */
export interface Link<C extends Contract, State = C['state']> {
  model: Model;
  client: string;
  seq: number;
  state: State;
  /** Request an action of Python; rejects with the reason if it fails. `timeout` is in milliseconds. */
  request<A extends keyof C['requests'] & keyof C['answers']>(
    action: A,
    payload?: C['requests'][A],
    options?: { timeout?: number },
  ): Promise<C['answers'][A] & Answer>;
  /** Call the listener on every change, until the returned function is called. */
  listen(listener: (...change: Change<C>) => void): () => void;
  close(): void;
}

/** What asks Python to do something with triggers: the link of any widget that shows them. */
export type TriggerLink = Link<Omit<TriggersContract, 'state' | 'patches'> & Pick<Contract, 'state' | 'patches'>>;

/** How a page keeps the state: `decode` makes it from a snapshot, `reduce` applies a patch and returns it. */
export interface Reducer<C extends Contract, State = C['state']> {
  decode?: (state: C['state']) => State;
  reduce: (state: State, ...patch: Patch<C>) => State;
}

/** What `element` sets on a node: `text` is its text, `on…` are listeners, the rest are attributes. */
export type Attributes = Record<string, any>;

/** An element that shows the result of an action. */
export interface Outcome {
  node: HTMLElement;
  clear(): void;
  show(answer: { message: string; code: string }): void;
  fail(error: Error): void;
}

/** A trigger in a list of them. */
export interface TriggerRow {
  node: HTMLElement;
  /** What its last look raised, where that failed. */
  error: HTMLElement;
  update(trigger: TriggerJson): void;
  /** Times that are told from now are told anew. */
  tell(): void;
}

/** A part that folds; what a person folded stays so. */
export interface Section {
  node: HTMLDetailsElement;
  body: HTMLElement;
  isOpen(): boolean;
  show(visible: boolean): void;
  setNote(text: string): void;
  suggestOpen(yes: boolean): void;
}

/** Images of PNG bytes, whose addresses are let go when others are shown. */
export interface ImageUrls {
  make(bytes: DataView, label: string): HTMLElement;
  release(): void;
}

/** What asks Python about runs: the link of any widget that shows them; its state has the kernel's home folder. */
export type RunLink = Link<Omit<BoardContract, 'state' | 'patches'> & Pick<Contract, 'state' | 'patches'>, { home: string }>;
export type CurveLink = Pick<RunLink, 'request'>;
/** The run whose executed notebook is shown. */
export type NotebookRun = Pick<BoardRunJson, 'id' | 'attempt' | 'status' | 'notebook' | 'is_live'>;

/** A line to draw with its points. */
export interface Curve extends CurveLineJson {
  x: Float64Array;
  y: Float64Array;
}

/** A run whose curves are drawn; `colour` is used where there are too many for colours of their own. */
export interface ShownRun {
  id: string;
  label: string;
  live: boolean;
  colour?: string;
}

export type Child = Node | string | null | undefined;

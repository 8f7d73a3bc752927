// Types that are not made of Python's records: the model that anywidget gives, and the link over it.

/** What anywidget gives a widget of its Python object. */
export interface Model {
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(message: unknown): void;
  on(event: string, listener: (...values: any[]) => void): void;
  off(event: string, listener: (...values: any[]) => void): void;
}

/** What a widget and its pages say to each other; see `generated/messages.d.ts`. */
export interface Contract {
  state: any;
  patches: any;
  requests: any;
  answers: any;
}

/** What every answer has; `message` is a sentence, `code` the Python that does the same. */
export interface Answer {
  message: string;
  code: string;
  buffers: DataView[];
}

/** What changed: the patch that came, or `snapshot` after everything was taken anew. */
export type Change<C extends Contract> =
  | { [Kind in keyof C['patches']]: [kind: Kind, payload: C['patches'][Kind]] }[keyof C['patches']]
  | [kind: 'snapshot', payload: null];

/** A patch as it is applied: its kind, its payload, its buffers. */
export type Patch<C extends Contract> = {
  [Kind in keyof C['patches']]: [kind: Kind, payload: C['patches'][Kind], buffers: DataView[]];
}[keyof C['patches']];

/** The state of one widget in this page, shared by all its views. `State` is what the page keeps of it. */
export interface Link<C extends Contract, State = C['state']> {
  model: Model;
  client: string;
  seq: number;
  state: State;
  /** Ask Python for a named action; rejected with the sentence of what went wrong. `timeout` is in milliseconds. */
  request<A extends keyof C['requests'] & keyof C['answers']>(
    action: A,
    payload?: C['requests'][A],
    options?: { timeout?: number },
  ): Promise<C['answers'][A] & Answer>;
  /** Be told of every change, until the returned function is called. */
  listen(listener: (...change: Change<C>) => void): () => void;
  close(): void;
}

/** How a page keeps the state: made of a snapshot, and changed by patches. */
export interface Reducer<C extends Contract, State = C['state']> {
  decode?: (state: C['state']) => State;
  reduce: (state: State, ...patch: Patch<C>) => State;
}

/** What `element` sets on a node: `text`, listeners as `on…`, and attributes. */
export type Attributes = Record<string, any>;

/** A place for what an action came to. */
export interface Outcome {
  node: HTMLElement;
  clear(): void;
  show(answer: { message: string; code: string }): void;
  fail(error: Error): void;
}

export type Child = Node | string | null | undefined;

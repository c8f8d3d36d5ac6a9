/**
 * The inspector of another Node process, over its WebSocket.
 */

/** See the file header. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<
    number,
    { resolve(result: unknown): void; reject(error: Error): void }
  >();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
    socket.addEventListener('close', () => {
      for (const each of this.#waiting.values()) each.reject(new Error('the inspector is gone'));
    });
  }

  /** Connects to the `ws://` address the process told. */
  static connect(address: string): Promise<Inspector> {
    const socket = new WebSocket(address);
    return new Promise((resolve, reject) => {
      socket.addEventListener('open', () => resolve(new Inspector(socket)));
      socket.addEventListener('error', () => reject(new Error(`cannot connect to ${address}`)));
    });
  }

  /** One call of the protocol; resolves with its result. */
  call(method: string, params: object = {}): Promise<unknown> {
    this.#last += 1;
    const id = this.#last;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Leaves, and has the process close its port. */
  async close(): Promise<void> {
    const expression = 'process._debugEnd()';
    // Its port closes with the call, so the answer may not come.
    await Promise.race([
      this.call('Runtime.evaluate', { expression }).catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 200)),
    ]);
    this.#socket.close();
  }

  #take(text: string): void {
    const { id, result, error } = JSON.parse(text);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result);
  }
}

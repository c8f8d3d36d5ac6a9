/**
 * HTTP in memory: the client's transport on one side, the embedded API server's router on the other.
 *
 * Both are the production code; only sockets are missing. What a network can do to an answer is done
 * here: refuse it, end it in the middle of a line, end it cleanly but too early, or let nothing pass any
 * more without a word.
 */
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Dispatcher } from 'undici';
import type { ApiContext } from '#devcluster/api/context.ts';
import { handle } from '#devcluster/api/router.ts';

/** How the wire treats what passes. `garbage`: a proxy in the way answers with a page of its own. */
export type WireFault = 'refused' | 'dead' | 'garbage';

/** See the file header. */
export class MemoryWire extends Dispatcher {
  context: ApiContext;
  fault: WireFault | undefined;
  readonly #answers = new Set<Answer>();

  constructor(context: ApiContext) {
    super();
    this.context = context;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const answer = new Answer(handler, () => this.fault === 'dead');
    this.#answers.add(answer);
    answer.on('over', () => this.#answers.delete(answer));
    handler.onRequestStart?.(answer.controller, {});
    if (answer.destroyed) return true;
    if (this.fault === 'refused') queueMicrotask(() => answer.fail(new Error('ECONNREFUSED')));
    else if (this.fault === 'garbage') queueMicrotask(() => answer.garbage());
    else if (this.fault !== 'dead') {
      const request = requestOf(options);
      void handle(this.context, request, answer as unknown as ServerResponse);
    }
    return true;
  }

  /** Ends every answer under way: with an error, or as if it were complete; half of the next line may get out. */
  cut(how: 'reset' | 'mid-line' | 'early-end'): void {
    for (const answer of [...this.#answers]) answer.cut(how);
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> {
    return this.#end(callback);
  }

  override destroy(): Promise<void>;
  override destroy(error: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(...given: readonly unknown[]): Promise<void> {
    return this.#end(given.find((each) => typeof each === 'function') as (() => void) | undefined);
  }

  #end(callback: (() => void) | undefined): Promise<void> {
    this.cut('reset');
    callback?.();
    return Promise.resolve();
  }
}

function requestOf(options: Dispatcher.DispatchOptions): IncomingMessage {
  const headers: Record<string, string> = {};
  const headersDistinct: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[name.toLowerCase()] = String(value);
    headersDistinct[name.toLowerCase()] = [String(value)];
  }
  const body = typeof options.body === 'string' ? [Buffer.from(options.body)] : [];
  return {
    method: options.method,
    url: options.path,
    headers,
    headersDistinct,
    resume: () => undefined,
    [Symbol.asyncIterator]: async function* () {
      yield* body;
    },
  } as unknown as IncomingMessage;
}

/** As much of a ServerResponse as the router uses; what is written arrives at an undici handler. */
class Answer extends EventEmitter {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #isDead: () => boolean;
  readonly #headers: Record<string, string> = {};
  headersSent = false;
  destroyed = false;
  writableLength = 0;
  #cutNext = false;
  /** The client has heard how it ended, or has ended it; the server's end is `destroyed`. */
  #isOver = false;

  constructor(handler: Dispatcher.DispatchHandler, isDead: () => boolean) {
    super();
    this.#handler = handler;
    this.#isDead = isDead;
  }

  readonly controller = {
    aborted: false,
    paused: false,
    reason: null as Error | null,
    rawHeaders: null,
    rawTrailers: null,
    pause: () => undefined,
    resume: () => undefined,
    abort: (reason: Error) => this.fail(reason),
  } as unknown as Dispatcher.DispatchController;

  setHeader(name: string, value: string | string[]): void {
    this.#headers[name] = String(value);
  }

  appendHeader(name: string, value: string): void {
    const before = this.#headers[name];
    this.#headers[name] = before === undefined ? value : `${before}, ${value}`;
  }

  writeHead(status: number, headers: Record<string, string | number> = {}): void {
    for (const [name, value] of Object.entries(headers)) this.#headers[name] = String(value);
    this.headersSent = true;
    if (!this.#passes()) return;
    this.#handler.onResponseStart?.(this.controller, status, this.#headers, '');
  }

  flushHeaders(): void {
    // Sent with writeHead.
  }

  write(text: string | Buffer): boolean {
    if (!this.#passes()) return true;
    const bytes = Buffer.from(text as string);
    if (this.#cutNext) {
      const half = bytes.subarray(0, bytes.length >> 1);
      this.#handler.onResponseData?.(this.controller, half);
      this.fail(new Error('ECONNRESET'));
    } else this.#handler.onResponseData?.(this.controller, bytes);
    return true;
  }

  end(text?: string | Buffer): void {
    if (text !== undefined) this.write(text);
    if (!this.#passes()) return;
    this.#isOver = true;
    this.emit('over');
    this.#handler.onResponseEnd?.(this.controller, {});
    this.#close();
  }

  /** What the server does when it wants to be rid of a client. */
  destroy(): void {
    if (this.#passes()) this.fail(new Error('ECONNRESET'));
    else this.#close();
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.emit('over');
    this.#close();
    this.#handler.onResponseError?.(this.controller, error);
  }

  garbage(): void {
    this.writeHead(502, { 'content-type': 'text/html' });
    this.end('<html>Bad Gateway</html>');
  }

  cut(how: 'reset' | 'mid-line' | 'early-end'): void {
    if (how === 'mid-line') this.#cutNext = true;
    else if (how === 'reset' || !this.headersSent) this.fail(new Error('ECONNRESET'));
    else this.end();
  }

  #passes(): boolean {
    return !this.#isOver && !this.destroyed && !this.#isDead();
  }

  #close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

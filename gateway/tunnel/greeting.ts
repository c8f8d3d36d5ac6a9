/**
 * The hello, said and answered: the first stream of every tunnel.
 */
import { IsthmusError } from '#core/errors.ts';
import { type Hello, hello as helloSchema } from '#core/hello.ts';
import type { Exchange, ExchangeListener } from '../http/exchange.ts';
import { call } from '../http2/call.ts';
import type { Http2Endpoint } from '../http2/endpoint.ts';

export const HELLO_PATH = '/isthmus/hello';
const HELLO_BYTES_MAX = 64 * 1024;
/** Fields of every request gateways make to each other, beside traffic. */
const PEER = [':scheme', 'https', ':authority', 'peer.isthmus'];

/** The fields of a request for `path`. */
export function peerRequest(method: string, path: string): readonly string[] {
  return [':method', method, ':path', path, ...PEER];
}

/** Says `hello`; resolves with the peer's. Rejects with `TUNNEL_LOST` for one that is none. */
export async function sayHello(endpoint: Http2Endpoint, hello: Hello): Promise<Hello> {
  const content = Buffer.from(JSON.stringify(hello));
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of call(endpoint, peerRequest('POST', HELLO_PATH), content)) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > HELLO_BYTES_MAX) throw tooLong();
  }
  return parse(chunks);
}

/** Hears the peer's hello and answers with `hello`. */
export function answerHello(exchange: Exchange, hello: Hello): Promise<Hello> {
  const { promise, resolve, reject } = Promise.withResolvers<Hello>();
  exchange.listener = new HelloListener(exchange, hello, resolve, reject);
  return promise;
}

class HelloListener implements ExchangeListener {
  readonly #exchange: Exchange;
  readonly #hello: Hello;
  readonly #resolve: (theirs: Hello) => void;
  readonly #reject: (error: unknown) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(
    exchange: Exchange,
    hello: Hello,
    resolve: (theirs: Hello) => void,
    reject: (error: unknown) => void,
  ) {
    this.#exchange = exchange;
    this.#hello = hello;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#bytes += to - from;
    if (this.#bytes > HELLO_BYTES_MAX) {
      this.#exchange.abort('BODY_TOO_LARGE');
      this.#reject(tooLong());
      return;
    }
    this.#chunks.push(bytes.subarray(from, to));
    this.#exchange.consumed(to - from);
    if (end) this.onRequestEnd();
  }

  onRequestEnd(): void {
    try {
      const theirs = parse(this.#chunks);
      const body = Buffer.from(JSON.stringify(this.#hello));
      this.#exchange.answer({ status: 200, headers: [], upgrade: '', length: body.length }, false);
      this.#exchange.body(body, 0, body.length, true);
      this.#resolve(theirs);
    } catch (error) {
      this.#exchange.abort('BAD_REQUEST');
      this.#reject(error);
    }
  }

  onAnswerSent(): void {
    // Nothing is held back for it.
  }

  onGone(): void {
    this.#reject(new IsthmusError('TUNNEL_LOST', 'the peer broke off its hello'));
  }
}

function parse(chunks: readonly Buffer[]): Hello {
  return helloSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
}

function tooLong(): IsthmusError {
  return new IsthmusError('TUNNEL_LOST', 'the hello is too long');
}

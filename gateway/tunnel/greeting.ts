/**
 * The hello, said and answered: the first stream of every tunnel.
 */
import { IsthmusError } from '#core/errors.ts';
import { Gathered } from '#core/gathered.ts';
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
  const theirs = new Gathered(HELLO_BYTES_MAX);
  for await (const chunk of call(endpoint, peerRequest('POST', HELLO_PATH), content))
    if (!theirs.add(chunk as Buffer)) throw tooLong();
  return parse(theirs);
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
  readonly #theirs = new Gathered(HELLO_BYTES_MAX);

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
    if (!this.#theirs.add(bytes.subarray(from, to))) {
      this.#exchange.abort('BODY_TOO_LARGE');
      this.#reject(tooLong());
      return;
    }
    this.#exchange.consumed(to - from);
    if (end) this.onRequestEnd();
  }

  onRequestEnd(): void {
    try {
      const theirs = parse(this.#theirs);
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

/** One thing that is wrong says enough: all of them would be as long as the peer likes, in logs and in the link's status. */
function parse(said: Gathered): Hello {
  const parsed = helloSchema.safeParse(JSON.parse(said.take()));
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  const what = first === undefined ? 'it is none' : `${first.path.join('.')}: ${first.message}`;
  throw new IsthmusError('TUNNEL_LOST', `the hello is not valid: ${what}`);
}

function tooLong(): IsthmusError {
  return new IsthmusError('TUNNEL_LOST', 'the hello is too long');
}

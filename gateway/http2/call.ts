/**
 * A stream we open and read as a Node stream: for what gateways say to each other, not for traffic.
 */
import { Readable } from 'node:stream';
import { IsthmusError } from '#core/errors.ts';
import type { RawHeaders } from '../http/message.ts';
import type { HeaderBlock } from '../wire/hpack/block.ts';
import { H2_CODE } from '../wire/http2/frames.ts';
import type { Http2Stream } from '../wire/http2/stream.ts';
import type { Http2Endpoint } from './endpoint.ts';
import type { StreamOwner } from './handler.ts';
import { StreamSender } from './sender.ts';

/**
 * Asks with `headers` (pseudo-headers first) and `content`; reads the content of an answer of 200, fails
 * with `TUNNEL_LOST` for any other. Destroying it resets the stream.
 */
export function call(endpoint: Http2Endpoint, headers: RawHeaders, content?: Buffer): Readable {
  const owner = new Call(endpoint);
  const stream = endpoint.connection.open(headers, content === undefined, owner);
  if (stream === undefined) {
    throw new IsthmusError('TUNNEL_LOST', 'the tunnel takes no more streams');
  }
  owner.attach(stream);
  if (content !== undefined) owner.send(content);
  endpoint.touch();
  return owner;
}

class Call extends Readable implements StreamOwner {
  readonly #endpoint: Http2Endpoint;
  #stream: Http2Stream<StreamOwner> | undefined;
  #sender: StreamSender | undefined;
  #held = 0;

  constructor(endpoint: Http2Endpoint) {
    super();
    this.#endpoint = endpoint;
  }

  attach(stream: Http2Stream<StreamOwner>): void {
    this.#stream = stream;
    this.#sender = new StreamSender(this.#endpoint, stream);
  }

  send(content: Buffer): void {
    this.#sender?.body(content, 0, content.length, true);
  }

  override _read(): void {
    const held = this.#held;
    this.#held = 0;
    if (held > 0 && this.#stream !== undefined) this.#endpoint.consumed(this.#stream, held);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read();
    if (this.#stream !== undefined) this.#endpoint.reset(this.#stream, H2_CODE.CANCEL);
    done(error);
  }

  onHeaders(block: HeaderBlock, end: boolean): void {
    if (block.status < 200) return;
    if (block.status !== 200) {
      this.destroy(new IsthmusError('TUNNEL_LOST', `the peer answered ${block.status}`));
    } else if (end) this.push(null);
  }

  onData(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#held += to - from;
    if (to > from && this.push(bytes.subarray(from, to))) this._read();
    if (end) this.push(null);
  }

  onTrailers(): void {
    this.push(null);
  }

  onReset(code: number): void {
    this.destroy(new IsthmusError('TUNNEL_LOST', `the stream was reset with code ${code}`));
  }

  onWindow(): void {
    this.#sender?.pump();
  }
}

/**
 * A connection of HTTP/1 that is read and written with the gateways' codec, and what is said leaves at the end of the turn.
 */
import type { Socket } from 'node:net';
import { Transport, type TransportOwner } from '#gateway/transport/transport.ts';
import type { Head, MessageSink } from '#gateway/wire/http1/message.ts';
import { Http1Parser } from '#gateway/wire/http1/parser.ts';
import { Http1Writer } from '#gateway/wire/http1/writer.ts';

/** Who hears what a {@link Speaker} is told. */
export interface SpeakerHears {
  onHead(speaker: Speaker, head: Head): void;
  /** `end`: the last of it. */
  onBody(speaker: Speaker, bytes: Buffer, from: number, to: number, end: boolean): void;
}

export class Speaker implements TransportOwner, MessageSink {
  readonly parser: Http1Parser;
  readonly writer: Http1Writer;
  gone = false;
  readonly #transport: Transport;
  readonly #hears: SpeakerHears;
  #leftBytes = 0;

  /** Hears requests, or what answers them. */
  constructor(socket: Socket, reads: 'request' | 'response', hears: SpeakerHears) {
    this.parser = new Http1Parser(reads, this);
    this.writer = new Http1Writer(reads === 'request' ? 'response' : 'request');
    this.#hears = hears;
    this.#transport = new Transport(socket, this);
  }

  /** Something was written: it leaves at the end of this turn. */
  said(): void {
    this.#transport.wantFlush();
  }

  flush(): void {
    const list = this.writer.drain();
    if (list.length > 0) this.#transport.write(list);
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    this.parser.execute(bytes, from, to);
  }

  onHead(head: Head): void {
    this.#leftBytes = head.framing.length;
    this.#hears.onHead(this, head);
  }

  onBody(bytes: Buffer, from: number, to: number): void {
    this.#leftBytes -= to - from;
    this.#hears.onBody(this, bytes, from, to, this.#leftBytes === 0);
  }

  onTrailers(): void {
    // The bench's messages have none.
  }

  onEnd(): void {
    // The length of each message is known; and who ends a connection is done with it.
  }

  onRoom(): void {
    // One small answer at a time.
  }

  onClosed(): void {
    this.gone = true;
  }
}

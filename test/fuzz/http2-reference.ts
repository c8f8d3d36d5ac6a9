/**
 * What node:http2 (nghttp2) makes of the bytes a client sends, as long as it takes them.
 */
import http2 from 'node:http2';
import { Duplex } from 'node:stream';
import { FLAG, FRAME } from '#gateway/wire/http2/frames.ts';
import { frame } from './http2-kit.ts';
import { HANG_MS } from './report.ts';

/** A request as the reference saw it. */
export interface SeenRequest {
  readonly headers: readonly string[];
  trailers: readonly string[] | undefined;
  readonly chunks: Buffer[];
  ended: boolean;
}

/** What the reference did with a connection. */
export interface Seen {
  readonly requests: Map<number, SeenRequest>;
  /** Code of its GOAWAY, or -1. */
  goaway: number;
  /** RST_STREAM codes it sent, by stream. */
  readonly resets: Map<number, number>;
  /** Header blocks it sent. */
  readonly blocks: Buffer[];
  hung: boolean;
}

/** Turns after which a session that has not answered the last frame has read all of it and will not. */
const TURNS = 20;

/** The frame after which everything has been dealt with. */
export const LAST_PING = frame(FRAME.PING, 0, 0, '69737468 6d757321'.replace(' ', ''));

/**
 * Feeds `bytes` to a node server session and reports when it has dealt with all of them.
 * The last frame should be {@link LAST_PING}.
 */
export function observe(bytes: Buffer, respond = false): Promise<Seen> {
  const seen: Seen = {
    requests: new Map(),
    goaway: -1,
    resets: new Map(),
    blocks: [],
    hung: false,
  };
  return new Promise((resolve) => {
    let output: Buffer = Buffer.alloc(0);
    let over = false;
    // Destroying a session ends its streams: that is no longer the peer's doing.
    let told = false;
    const duplex = new Duplex({
      read() {
        // Bytes are pushed once, below.
      },
      write(chunk: Buffer, _encoding, done) {
        output = scan(Buffer.concat([output, chunk]), seen, finish);
        done();
      },
    });
    const session = http2.performServerHandshake(duplex, {
      strictFieldWhitespaceValidation: true,
    } as http2.ServerSessionOptions);
    let timer = setTimeout(() => {
      // Once more: a process that was stopped for a while finds its timers due before its bytes.
      timer = setTimeout(() => {
        seen.hung = true;
        finish();
      }, HANG_MS);
    }, HANG_MS);
    function finish(): void {
      if (over) return;
      over = true;
      clearTimeout(timer);
      // Data already read is handed over in the turns that follow.
      setImmediate(() =>
        setImmediate(() =>
          setImmediate(() => {
            told = true;
            session.destroy();
            duplex.destroy();
            resolve(seen);
          }),
        ),
      );
    }
    session.on('error', finish);
    session.on('close', finish);
    session.on('stream', (stream, _headers, _flags, raw) => {
      const request: SeenRequest = {
        headers: raw as unknown as readonly string[],
        trailers: undefined,
        chunks: [],
        ended: false,
      };
      seen.requests.set(stream.id ?? 0, request);
      stream.on('error', () => undefined);
      stream.on('data', (chunk: Buffer) => request.chunks.push(chunk));
      stream.on('end', () => {
        if (!told) request.ended = true;
      });
      stream.on('trailers', (_trailers, _f, rawTrailers?: readonly string[]) => {
        request.trailers = rawTrailers ?? [];
      });
      if (respond && !stream.destroyed) {
        const echo: Record<string, string> = {};
        request.headers.forEach((name, at) => {
          if (at % 2 === 0 && /^x-/.test(name)) echo[name] = request.headers[at + 1] ?? '';
        });
        (stream as http2.ServerHttp2Stream).respond(echo, { endStream: true });
      }
    });
    duplex.push(bytes);
    // In turns, not in milliseconds, so that a busy machine sees the same.
    const wait = (turns: number): void => {
      if (over) return;
      if (turns > 0) setImmediate(wait, turns - 1);
      else {
        told = true;
        duplex.push(null);
      }
    };
    wait(TURNS);
  });
}

/** Reads complete frames of the session's output; returns what is left. */
function scan(bytes: Buffer, seen: Seen, finish: () => void): Buffer {
  let at = 0;
  while (bytes.length - at >= 9) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes.length - at < 9 + length) break;
    const type = bytes[at + 3];
    const id = bytes.readUInt32BE(at + 5);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    if (type === FRAME.GOAWAY) {
      seen.goaway = payload.readUInt32BE(4);
      finish();
    } else if (type === FRAME.RST_STREAM) seen.resets.set(id, payload.readUInt32BE(0));
    else if (type === FRAME.HEADERS) seen.blocks.push(Buffer.from(payload));
    else if (
      type === FRAME.PING &&
      bytes[at + 4] === FLAG.ACK &&
      payload.equals(LAST_PING.subarray(9))
    )
      finish();
    at += 9 + length;
  }
  return bytes.subarray(at);
}

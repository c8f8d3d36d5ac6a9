/**
 * What a peer can do that is linked and answers requests: clients of its mirror are part of the attack.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { systemClock } from '#core/clock.ts';
import type { Exchange } from '#gateway/http/exchange.ts';
import { Tunnel } from '#gateway/tunnel/tunnel.ts';
import { type Attack, connect, hold, pump, type Stop, type Target } from './attack.ts';
import { hostileHello } from './peer-hello.ts';

const BLOCK = Buffer.alloc(16 * 1024, 0x61);
const OK = { status: 200, headers: [], upgrade: '', length: -1 };

/** How the peer answers, and what clients ask of it. */
interface Manner {
  readonly name: string;
  readonly rules: readonly string[];
  readonly clients: number;
  readonly request: string;
  /** Clients send content without end. */
  readonly uploads?: boolean;
  /** Clients do not read. */
  readonly deaf?: boolean;
  answer(exchange: Exchange, socket: Socket): void;
}

const GET = 'GET / HTTP/1.1\r\nhost: soak\r\n\r\n';
const UPLOAD = 'POST / HTTP/1.1\r\nhost: soak\r\ncontent-length: 1000000000\r\n\r\n';

const MANNERS: readonly Manner[] = [
  {
    name: 'never reads',
    rules: ['HELD_BYTES'],
    clients: 1_500,
    request: UPLOAD,
    uploads: true,
    // Takes what windows allow and gives nothing back.
    answer: (exchange) => {
      exchange.listener = { ...SILENT, onRequestBody: () => undefined };
    },
  },
  {
    name: 'never answers',
    rules: [],
    clients: 1_000,
    request: GET,
    answer: () => undefined,
  },
  {
    name: 'answers garbage',
    rules: ['FRAME_SIZE', 'PREFACE', 'STREAM_IDLE', 'STREAM_ID', 'PUSH', 'HEADER_BLOCK'],
    clients: 50,
    request: GET,
    answer: (_exchange, socket) => void socket.write(randomBytes(1_024)),
  },
  {
    name: 'resets everything',
    rules: [],
    clients: 100,
    request: GET,
    answer: (exchange) => exchange.abort('INTERNAL'),
  },
  {
    name: 'answers without end',
    rules: ['HELD_BYTES'],
    clients: 800,
    request: GET,
    deaf: true,
    answer(exchange) {
      exchange.listener = {
        ...SILENT,
        onAnswerSent: (bytes) => exchange.body(BLOCK, 0, bytes, false),
      };
      exchange.answer(OK, false);
      for (let at = 0; at < 16; at += 1) exchange.body(BLOCK, 0, BLOCK.length, false);
    },
  },
];

const SILENT = {
  onRequestBody: () => undefined,
  onRequestEnd: () => undefined,
  onAnswerSent: () => undefined,
  onGone: () => undefined,
};

/** Every attack of this kind. */
export const PEER_ANSWERS: readonly Attack[] = MANNERS.map((manner) => ({
  name: `peer: ${manner.name}`,
  source: 'tunnel',
  rules: manner.rules,
  begin(target: Target): Stop {
    const stops = [
      hold(
        2,
        () => target.dial('server'),
        (socket) => serve(socket, manner),
      ),
      hold(
        manner.clients,
        () => connect({ host: target.host, port: target.hostilePort }),
        (socket) => {
          if (manner.deaf) socket.pause();
          else socket.resume();
          socket.write(manner.request);
          if (manner.uploads) pump(socket, () => BLOCK);
        },
      ),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  },
}));

function serve(socket: Socket, manner: Manner): void {
  const tunnel = new Tunnel({
    connection: socket,
    httpRole: 'server',
    hello: hostileHello(),
    clock: systemClock,
    serve: (exchange) => manner.answer(exchange, socket),
    accept: () => undefined,
  });
  tunnel.ready.catch(() => socket.destroy());
}

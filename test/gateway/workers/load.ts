/**
 * Clients that never stop and never repeat a request: whatever is lost on the way is counted.
 *
 * They are honest clients: a connection that was told to close is not used again (RFC 9112 section 9.6,
 * RFC 9113 section 6.8), and every answer is compared with what was sent.
 */
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

const STREAMS = 6;
const STREAM_MESSAGES = 8;
const OPAQUE_ECHOES = 4;
const GAP_MS = 150;
/** Nothing in here takes longer unless it hangs. */
const PATIENCE_MS = 20_000;

/** A request, stream or connection that was lost, with its begin and end as `performance.now()` tells them. */
export interface Failure {
  readonly kind: Kind;
  readonly beganMs: number;
  readonly endedMs: number;
  readonly message: string;
}

/** What the clients have seen. */
export interface Tally {
  readonly done: Record<string, number>;
  readonly failures: Failure[];
}

/** Clients under way. */
export interface Load extends Tally {
  /** Lets what is under way end. */
  stop(): Promise<Tally>;
}

type Work = (at: Target, tag: string) => Promise<void>;

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Every kind of client at once. */
export function startLoad(target: Target, kinds: readonly Kind[] = KINDS): Load {
  const done: Record<string, number> = {};
  const failures: Failure[] = [];
  let stopping = false;
  let number = 0;
  const run = async (kind: Kind, work: Work, gapMs: number) => {
    while (!stopping) {
      number += 1;
      const beganMs = performance.now();
      try {
        await within(work(target, `${kind}-${number}`));
        done[kind] = (done[kind] ?? 0) + 1;
      } catch (error) {
        const message = describe(error);
        failures.push({ kind, beganMs, endedMs: performance.now(), message });
        await pause(20);
      }
      await pause(gapMs);
    }
  };
  const clients = kinds.flatMap((kind) =>
    Array.from({ length: COPIES[kind] }, (_, each) => {
      const { work, end } = CLIENTS[kind]();
      // The later ones leave their connections idle in between.
      return run(kind, work, 2 + each * GAP_MS).finally(end);
    }),
  );
  return {
    done,
    failures,
    async stop() {
      stopping = true;
      await Promise.all(clients);
      return { done, failures };
    },
  };
}

/** The kinds of clients. */
export type Kind = 'fresh' | 'kept' | 'http2' | 'stream' | 'opaque';
export const KINDS: readonly Kind[] = ['fresh', 'kept', 'http2', 'stream', 'opaque'];
const COPIES: Record<Kind, number> = { fresh: 2, kept: 4, http2: 2, stream: 2, opaque: 4 };

const CLIENTS: Record<Kind, () => { work: Work; end: () => void }> = {
  fresh: () => ({ work: (at, tag) => post(at, tag, undefined), end: () => undefined }),
  kept() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    return { work: (at, tag) => post(at, tag, agent), end: () => agent.destroy() };
  },
  http2() {
    const session = renewed();
    const work: Work = async (at, tag) => {
      const streams = Array.from({ length: STREAMS }, (_, each) =>
        sent(() => stream(session.current(at), { ':method': 'POST' }, [`${tag}-${each}`], 0)),
      );
      await all(streams);
    };
    return { work, end: session.end };
  },
  stream() {
    const session = renewed();
    const messages = (tag: string) =>
      Array.from({ length: STREAM_MESSAGES }, (_, each) => `${tag} message ${each};`);
    const grpc = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
    const work: Work = async (at, tag) => {
      const trailers = await sent(() => stream(session.current(at), grpc, messages(tag), 30));
      if (trailers?.['grpc-status'] !== '0') throw new Error('no trailers');
    };
    return { work, end: session.end };
  },
  opaque: () => ({ work: opaque, end: () => undefined }),
};

function post(at: Target, tag: string, agent: http.Agent | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { ...at, method: 'POST', agent: agent ?? false, headers: { host: 'backend' } },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode === 200 && body === tag) resolve();
          else reject(new Error(`status ${response.statusCode}: ${body}`));
        });
      },
    );
    request.on('error', reject);
    request.end(tag);
  });
}

class Unsent extends Error {}

/** Opens a stream, on another session where the first one took no more. */
function sent<T>(open: () => Promise<T>): Promise<T> {
  return open().catch((error: unknown) => {
    if (error instanceof Unsent) return open();
    throw error;
  });
}

/** A session, and another one as soon as it was told to end. */
function renewed() {
  let session: http2.ClientHttp2Session | undefined;
  return {
    current(at: Target): http2.ClientHttp2Session {
      if (session === undefined || session.closed || session.destroyed) {
        session = http2.connect(`http://${at.host}:${at.port}`);
        session.on('error', () => undefined);
      }
      return session;
    },
    end: () => session?.destroy(),
  };
}

function stream(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  messages: readonly string[],
  gapMs: number,
): Promise<http2.IncomingHttpHeaders | undefined> {
  return new Promise((resolve, reject) => {
    const opened = session.request({ ':path': '/', ':authority': 'backend', ...headers });
    // Made when the session was not known to end, but not sent any more: nobody but us knows of it.
    opened.on('frameError', () => reject(new Unsent('the stream was never opened')));
    let body = '';
    let status = 0;
    let grpc: string | string[] | undefined;
    let trailers: http2.IncomingHttpHeaders | undefined;
    opened.on('response', (fields) => {
      status = fields[':status'] ?? 0;
      // An error of gRPC is a head alone, whose status is 200.
      grpc = fields['grpc-status'];
    });
    opened.on('trailers', (fields) => {
      trailers = fields;
    });
    opened.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    opened.on('error', reject);
    opened.on('close', () => {
      if (grpc !== undefined) reject(new Error(`gRPC status ${grpc}`));
      else if (opened.rstCode !== 0) reject(new Error(`reset with ${opened.rstCode}`));
      else if (status === 200 && body === messages.join('')) resolve(trailers);
      else reject(new Error(`status ${status}: ${body.slice(0, 200)}`));
    });
    void (async () => {
      for (const message of messages) {
        if (opened.destroyed) return;
        opened.write(message);
        if (gapMs > 0) await pause(gapMs);
      }
      if (!opened.destroyed) opened.end();
    })();
  });
}

/** Bytes of nobody's protocol, there and back, for a few hundred milliseconds. */
function opaque(at: Target, tag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...at, allowHalfOpen: true });
    const sent: string[] = [];
    let heard = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      heard += chunk;
    });
    socket.on('error', reject);
    socket.on('end', () => {
      socket.end();
      if (heard === sent.join('') && sent.length === OPAQUE_ECHOES) resolve();
      else reject(new Error(`${heard.length} bytes came back of ${sent.join('').length}`));
    });
    socket.on('connect', async () => {
      for (let each = 0; each < OPAQUE_ECHOES && !socket.destroyed; each += 1) {
        const bytes = `\u0000${tag}-${each}`;
        sent.push(bytes);
        socket.write(bytes, 'latin1');
        await pause(80);
      }
      socket.end();
    });
  });
}

/** All of them, so that none is left behind; then the first failure. */
async function all(work: readonly Promise<unknown>[]): Promise<void> {
  for (const each of await Promise.allSettled(work)) {
    if (each.status === 'rejected') throw each.reason;
  }
}

function within(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : `${code} ${message}`;
}

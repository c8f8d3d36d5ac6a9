/**
 * Connections to a port that anybody may dial: some at a time, and who has been there longest makes room for who comes,
 * so that nobody keeps others out by staying. The sockets are arguments. pure
 */
import type { Socket } from 'node:net';

/** Connections of whoever has not proved who they are. */
export const STRANGERS_MAX = 64;

/** Holds on to at most {@link STRANGERS_MAX} connections. */
export class Strangers {
  readonly #open = new Map<string, Socket>();

  /** `socket` has come; another one goes where there are too many now. */
  add(socket: Socket): void {
    const key = keyOf(socket);
    this.#open.set(key, socket);
    socket.once('close', () => {
      if (this.#open.get(key) === socket) this.#open.delete(key);
    });
    if (this.#open.size <= STRANGERS_MAX) return;
    const [oldest] = this.#open;
    if (oldest === undefined) return;
    this.#open.delete(oldest[0]);
    oldest[1].destroy();
  }

  /** Who is on the other end of `socket`, or of what it is wrapped in, has proved to be no stranger. */
  welcome(socket: Socket): void {
    this.#open.delete(keyOf(socket));
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

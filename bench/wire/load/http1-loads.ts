/**
 * Loads over HTTP/1.1: a closed loop of large answers, one connection for each request, and an open
 * loop, which asks when its time has come whatever became of the requests before.
 */
import { ITEMS } from '../traffic.ts';
import { Http1Connection, type Http1User } from './http1.ts';
import type { Load, Meter } from './meter.ts';

/** A connection that could not be made is not tried again at once. */
const RETRY_MS = 5;

/** Every connection asks again when it has its answer: for large bodies, `connections` of them. */
export function closedLoop(connections: number, kind: 'bulk' | 'connect'): Load {
  return (target, meter) => {
    let number = Math.floor(Math.random() * ITEMS);
    let over = false;
    const open = new Set<Http1Connection>();
    const ask = (connection: Http1Connection, startMs: number) => {
      number = (number + 1) % ITEMS;
      connection.startMs = startMs;
      connection.ask({ number, isBulk: kind === 'bulk', closes: kind === 'connect' });
    };
    const connect = () => {
      if (over) return;
      const startMs = performance.now();
      const connection = new Http1Connection(target, user);
      open.add(connection);
      ask(connection, startMs);
    };
    const user: Http1User = {
      received: (bytes) => meter.received(bytes),
      answered: (connection) => {
        meter.answered(connection.startMs);
        if (kind === 'bulk') {
          if (!over) ask(connection, performance.now());
          return;
        }
        open.delete(connection);
        connect();
      },
      failed: (connection, reason) => {
        open.delete(connection);
        meter.failed(reason);
        setTimeout(connect, RETRY_MS);
      },
    };
    for (let at = 0; at < connections; at += 1) connect();
    return () => {
      over = true;
      for (const each of open) each.abort();
    };
  };
}

/**
 * `perSecond` requests a second at even distances. Latency counts from the moment a request was meant
 * to leave, so a pair that stalls is charged for everything that had to wait (coordinated omission).
 * It spins: a timer of whole milliseconds would be the largest part of what is measured.
 */
export function openLoop(perSecond: number, connectionsMax: number): Load {
  return (target, meter) => {
    const idle: Http1Connection[] = [];
    const due: number[] = [];
    const all = new Set<Http1Connection>();
    const startMs = performance.now();
    let number = Math.floor(Math.random() * ITEMS);
    let scheduled = 0;
    let over = false;
    const user = userOf(meter, idle, all);
    const spin = () => {
      if (over) return;
      const nowMs = performance.now();
      for (let atMs: number; ; scheduled += 1, due.push(atMs)) {
        atMs = startMs + (scheduled * 1_000) / perSecond;
        if (atMs > nowMs) break;
      }
      while (due.length > 0) {
        const connection = idle.pop() ?? open();
        if (!connection) break;
        if (!connection.isUsable) continue;
        connection.startMs = due.shift() as number;
        number = (number + 1) % ITEMS;
        connection.ask({ number, isBulk: false, closes: false });
      }
      setImmediate(spin);
    };
    const open = () => {
      if (all.size >= connectionsMax) return undefined;
      const connection = new Http1Connection(target, user);
      all.add(connection);
      return connection;
    };
    spin();
    return () => {
      over = true;
      for (const each of all) each.abort();
    };
  };
}

function userOf(meter: Meter, idle: Http1Connection[], all: Set<Http1Connection>): Http1User {
  return {
    received: () => undefined,
    answered: (connection) => {
      meter.answered(connection.startMs);
      idle.push(connection);
    },
    failed: (connection, reason) => {
      all.delete(connection);
      meter.failed(reason);
    },
  };
}

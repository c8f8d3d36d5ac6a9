/**
 * What a case of the suite is: one thing a real client does, that must work the same against a pod
 * itself and against a gateway that leads to it.
 */
import { createCipheriv, createHash } from 'node:crypto';
import type { Journal } from './journal.ts';
import type { PodName, PortName } from './ports.ts';

/** The name clients ask for. */
export const AUTHORITY = 'backend-global.shop';

/** Where a case sends its client, and what it may know of that place. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** The pod behind is spoken to through gateways. */
  readonly gateway: boolean;
  /** The HTTP version the pod speaks. */
  readonly podVersion: '1.1' | '2.0';
  /** The cluster the clients are in; empty where there is no gateway. */
  readonly cluster: string;
  /** What the pods saw. */
  readonly journal: Journal;
  /** Aborts when the case has run out of time or is over. */
  readonly signal: AbortSignal;
  /** Called when the case is over, however it ended. */
  defer(release: () => void): void;
}

export interface Case {
  readonly name: string;
  /** The Service port the client dials. */
  readonly port: PortName;
  /** The pod dialled where there is no gateway, if that is another: the client speaks its version. */
  readonly direct?: PodName;
  /** The program it calls, and the Debian package it comes in. */
  readonly needs?: readonly [program: string, debianPackage: string];
  /** What it shows is a gateway's work: nothing to see without one. */
  readonly gatewayOnly?: boolean;
  /** Part of the subset that runs over every combination of tunnels. */
  readonly combine?: boolean;
  readonly timeoutMs?: number;
  run(target: Target): Promise<void>;
}

/** The same cases at several ports. */
export function at(
  ports: readonly PortName[],
  cases: readonly Omit<Case, 'port'>[],
  change: { readonly direct?: PodName } = {},
): Case[] {
  return ports.flatMap((port) => cases.map((each) => ({ ...each, ...change, port })));
}

/** Lower-case hex. */
export function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** `length` bytes that look random and are always the same. */
export function patterned(length: number, seed = 0): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(length));
}

let lastId = 0;

/** A name no other case uses. */
export function freshId(): string {
  lastId += 1;
  return `case-${lastId}`;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

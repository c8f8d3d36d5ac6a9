/**
 * What a client or a pod may take of us over HTTP/1, in bytes and time. pure
 *
 * Times are looked at once a second (`Connections`), so each may last up to two seconds longer.
 */
import type { RuleCode } from '../wire/http1/rules.ts';

/** Content of a request that was handed on and has not left yet; beyond it the client is not read. */
export const REQUEST_BYTES_MAX = 262_144;
/** Content of an answer that was handed on and has not left yet; beyond it the pod is not read. */
export const ANSWER_BYTES_MAX = 262_144;
/** The same while all requests together hold much: a single large read. */
export const ANSWER_BYTES_PRESSED_MAX = 32_768;
/** Gathered output beyond this leaves before the turn ends, so that a long turn holds no more. */
export const GATHERED_BYTES_MAX = 262_144;

/** Parts of a request read in one turn of the event loop: a chunk is two, its size and its content. */
export const STEPS_PER_TURN = 256;

/** A head must be whole this long after its first byte, the first one after the connection came. */
export const HEAD_MS = 10_000;
/** Between an answer and the next request. */
export const IDLE_MS = 60_000;
/** Without a byte of content that we wait for. */
export const BODY_IDLE_MS = 60_000;
/** Without a byte of the answer leaving. */
export const ANSWER_STALL_MS = 60_000;

/** Without an answer, once the client has ended its half: few do and wait, and whoever closes its socket looks alike. */
export const ENDED_MS = 10_000;

/** Content nobody wants that is read for the sake of keeping the connection. */
export const DISCARD_BYTES_MAX = 1_048_576;
export const DISCARD_MS = 5_000;
/** From our FIN on: a close with unread bytes would be a RST, which can take the answer from the client. */
export const LINGER_MS = 1_000;

/** To a pod. */
export const CONNECT_MS = 1_000;
/** Interim answers (1xx) to one request: nothing holds them back, so there is an end to them. */
export const INTERIMS_MAX = 32;
/** Kept-alive connections to one pod. */
export const POOL_IDLE_MAX = 256;
/** Common servers close theirs after 5 s. */
export const POOL_IDLE_MS = 4_000;

/** Why a client was turned away: a rule it broke, or a time it did not keep. */
export type RefusalCode = RuleCode | 'METHOD_REFUSED' | 'SLOW_HEAD' | 'SLOW_BODY' | 'SLOW_READER';
/** Connections to one pod that are being made at once; further requests wait for one. */
export const CONNECTING_MAX = 64;

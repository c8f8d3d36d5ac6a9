/**
 * The first lines of answers as bytes, each made once. pure
 */
import { isValue } from './put.ts';

/** Reason phrases that are kept with their lines are no longer. */
const REASON_KEPT_MAX = 64;
const STATUS_MIN = 100;

const lines: ({ readonly reason: string; readonly bytes: Buffer } | undefined)[] = [];

/** The line of `status`, from 100 to 599; `undefined`: a character is none of a reason's. */
export function statusLine(status: number, reason: string): Buffer | undefined {
  const known = lines[status - STATUS_MIN];
  if (known !== undefined && known.reason === reason) return known.bytes;
  if (!isValue(reason)) return undefined;
  const bytes = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n`, 'latin1');
  if (reason.length <= REASON_KEPT_MAX) lines[status - STATUS_MIN] = { reason, bytes };
  return bytes;
}

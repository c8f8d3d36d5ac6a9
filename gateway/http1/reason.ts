/**
 * Reason phrases: no program reads them, people with curl do.
 */
import { STATUS_CODES } from 'node:http';

/** The phrase of `status`; empty where none is registered. */
export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? '';
}

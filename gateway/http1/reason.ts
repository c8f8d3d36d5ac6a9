/**
 * Reason phrases: no program reads them, people with curl do.
 */

// Not imported: that would load all of node:http's exports, and megabytes a worker has no use for.
const { STATUS_CODES } = process.getBuiltinModule('node:http');

/** The phrase of `status`; empty where none is registered. */
export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? '';
}

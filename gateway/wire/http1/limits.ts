/**
 * What a peer may send at most over HTTP/1. pure
 *
 * Every bound of the codec has its name here. Refusing early keeps one connection's memory below
 * {@link HEAD_BYTES_MAX}: bodies are passed on, never kept.
 */

/** A request line or status line, its line end and the empty lines before it included, in bytes. */
export const START_LINE_BYTES_MAX = 16_384;

/** A whole head, from the first byte of its start line to its empty line, in bytes. */
export const HEAD_BYTES_MAX = 65_536;

/** The trailer section of a chunked body, in bytes. */
export const TRAILER_BYTES_MAX = 16_384;

/** Fields of one head, and of one trailer section. */
export const FIELDS_MAX = 128;

/** Empty lines before a request line (RFC 9112 section 2.2 asks for at least one). */
export const LEADING_EMPTY_LINES_MAX = 2;

/** Hexadecimal digits of a chunk size, leading zeros included. */
export const CHUNK_SIZE_DIGITS_MAX = 16;

/** Chunk extensions of one message, all chunks together, in bytes: they are read and dropped. */
export const CHUNK_EXTENSION_BYTES_MAX = 4_096;

/** Decimal digits of a Content-Length, leading zeros included. */
export const CONTENT_LENGTH_DIGITS_MAX = 16;

/** Requests of one connection whose answers are outstanding. */
export const PIPELINE_MAX = 64;

/**
 * What travels between a workload and identity: one request, one answer, JSON. pure
 */
import { z } from 'zod';
import { CSR_CHARS_MAX } from './csr.ts';
import { PEM_CHARS_MAX } from './pem.ts';

export const SIGN_PATH = '/v1/sign';
/** Longest service-account token that is read, in characters. Real ones have about 1,200. */
export const TOKEN_CHARS_MAX = 16 * 1024;
/** Largest request body, in bytes: both fields at their limits, escaped. */
export const REQUEST_BYTES_MAX = 32 * 1024;
/** Largest answer body, in bytes. */
export const ANSWER_BYTES_MAX = 256 * 1024;

export const signRequest = z.strictObject({
  csr: z.string().min(1).max(CSR_CHARS_MAX),
  token: z.string().min(1).max(TOKEN_CHARS_MAX),
});
export type SignRequest = z.infer<typeof signRequest>;

export const signAnswer = z.object({
  /** PEM: leaf, then issuer. */
  certificateChain: z.string().min(1).max(PEM_CHARS_MAX),
  /** PEM: roots of this cluster. */
  trustBundle: z.string().min(1).max(PEM_CHARS_MAX),
});
export type SignAnswer = z.infer<typeof signAnswer>;

/** Every answer that is not 200. */
export const errorAnswer = z.object({
  error: z.object({ code: z.string(), message: z.string(), next: z.string() }),
});

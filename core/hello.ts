/**
 * The hello: the first stream each way on every tunnel. pure
 *
 * Each side says which protocol versions it speaks; the highest common one is spoken. Unknown fields
 * are ignored, so that adjacent releases can always link.
 */
import { z } from 'zod';
import { isLabelName } from './names.ts';

/** The versions of the gateway protocol this release speaks. */
export const PROTOCOL_RANGE: ProtocolRange = { min: 1, max: 1 };

/** What a tunnel is for; streams of one purpose never wait behind those of another. */
export const TUNNEL_PURPOSES = ['control', 'data', 'opaque'] as const;
export type TunnelPurpose = (typeof TUNNEL_PURPOSES)[number];

/** Inclusive. */
export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

const label = z.string().refine(isLabelName, 'must be an RFC 1123 label');

export const hello = z.object({
  protocols: z.object({ min: z.int().min(1).max(1_000), max: z.int().min(1).max(1_000) }),
  features: z.array(z.string().max(64)).max(64).default([]),
  /** Release of the sender. */
  version: z.string().max(64),
  cluster: label,
  /** Name of the sending gateway pod. */
  replica: z.string().max(253),
  worker: z.int().min(0).max(1_023).default(0),
  purpose: z.enum(TUNNEL_PURPOSES).default('data'),
  /** Set by a sender that cannot dial the receiver and asks it to dial tunnels the other way. */
  wantsReverse: z.boolean().default(false),
  /** Every gateway pod of the sender's cluster, by name. */
  replicas: z.array(z.string().max(253)).max(256).default([]),
});
export type Hello = z.infer<typeof hello>;

/** The highest version both ranges hold, or `undefined` when there is none. */
export function negotiate(ours: ProtocolRange, theirs: ProtocolRange): number | undefined {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : undefined;
}

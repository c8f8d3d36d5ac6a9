/** Every attack there is. */
import type { Attack } from './attack.ts';
import { HTTP1_ATTACKS } from './http1.ts';
import { HTTP2_ATTACKS, PEER_FLOODS } from './http2.ts';
import { STRANGERS } from './strangers.ts';

/** In the order they are run in. */
export const ATTACKS: readonly Attack[] = [
  ...HTTP1_ATTACKS,
  ...HTTP2_ATTACKS,
  ...STRANGERS,
  ...PEER_FLOODS,
];

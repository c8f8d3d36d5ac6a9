/**
 * What an Upgrade field asks for. pure
 */

/** The protocol that `list` asks for first, as written; empty: none. Never h2c: RFC 9113 took it away. */
export function requestedUpgrade(list: string): string {
  if (list === '') return '';
  for (const each of list.split(',')) {
    const token = each.trim();
    if (token !== '' && token.toLowerCase() !== 'h2c') return token;
  }
  return '';
}

/** Whether both name the same protocol (RFC 9110 section 7.8: without regard to case). */
export function sameProtocol(one: string, other: string): boolean {
  return one === other || one.toLowerCase() === other.toLowerCase();
}

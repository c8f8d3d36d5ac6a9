/**
 * Paths, so that two spellings of one path compare equal. pure
 */

const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/**
 * The path of a request target without its query, normalised: percent-encoded unreserved characters
 * decoded and the rest in upper case (RFC 3986 section 6.2.2), dot segments removed (section 5.2.4) and
 * repeated slashes merged. What is forwarded stays as the client wrote it; only comparisons use this.
 */
export function normalisePath(target: string): string {
  const query = target.search(/[?#]/);
  const path = (query < 0 ? target : target.slice(0, query)).replace(/%[0-9a-fA-F]{2}/g, decode);
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const last = segments.at(-1);
  const open = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${kept.join('/')}${open ? '/' : ''}`;
}

function decode(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return UNRESERVED.test(character) ? character : encoded.toUpperCase();
}

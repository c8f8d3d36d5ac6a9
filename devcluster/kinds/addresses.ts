/**
 * IP addresses as the API checks them: what is one, and which are special. pure
 *
 * After ValidateEndpointIP in pkg/apis/core/validation and util/validation/ip.go of k8s.io/apimachinery.
 */
import { isIP, isIPv6 } from 'node:net';

/** Whether `text` is an IP address without a zone; IPv4 with leading zeros is one, as it always was in this API. */
export function isAddress(text: string): boolean {
  if (isIP(text) !== 0) return !text.includes('%');
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/** Whether `text` is a range of addresses, such as `10.0.0.0/8`. */
export function isRange(text: string): boolean {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  return isAddress(address) && Number(bits) <= (isIPv6(address) ? 128 : 32);
}

/** Why nobody elsewhere can be sent to `address`, an {@link isAddress}; `undefined` where it is an ordinary one. */
export function specialProblem(address: string, takesLoopback = false): string | undefined {
  const text = canonical(address);
  if (text === '0.0.0.0' || text === '::') return `may not be unspecified (${address})`;
  if (!takesLoopback && (text.startsWith('127.') || text === '::1')) {
    return 'may not be in the loopback range (127.0.0.0/8, ::1/128)';
  }
  if (/^(169\.254\.|fe[89ab][0-9a-f]:)/.test(text)) {
    return 'may not be in the link-local range (169.254.0.0/16, fe80::/10)';
  }
  return /^(224\.0\.0\.|ff02:)/.test(text)
    ? 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'
    : undefined;
}

/** The shortest way to write `address`, as RFC 5952 has it. */
function canonical(address: string): string {
  if (isIPv6(address)) return new URL(`http://[${address}]`).hostname.slice(1, -1);
  return address.split('.').map(Number).join('.');
}

/** The part of Node's own binding of llhttp that the differential fuzzer uses. */
declare module 'node:_http_common' {
  export const methods: readonly string[];
  export class HTTPParser {
    static readonly REQUEST: number;
    static readonly RESPONSE: number;
    static readonly kOnHeaders: number;
    static readonly kOnHeadersComplete: number;
    static readonly kOnBody: number;
    static readonly kOnMessageComplete: number;
    static readonly kLenientNone: number;
    [callback: number]: unknown;
    initialize(type: number, resource: object, maxHeaderSize?: number, lenient?: number): void;
    execute(bytes: Buffer): number | Error;
    finish(): number | Error | undefined;
    close(): void;
  }
}

/**
 * Every case of the suite.
 */
import type { Case } from './case.ts';
import { curlCases } from './cases/curl.ts';
import { grpcCases } from './cases/grpc.ts';
import { headerCases } from './cases/headers.ts';
import { httpCases } from './cases/http.ts';
import { http2Cases } from './cases/http2.ts';
import { nghttpCases } from './cases/nghttp.ts';
import { opaqueCases } from './cases/opaque.ts';
import { rawHttp1Cases } from './cases/raw-http1.ts';
import { websocketCases } from './cases/websocket.ts';

export const CASES: readonly Case[] = [
  ...httpCases,
  ...http2Cases,
  ...headerCases,
  ...rawHttp1Cases,
  ...curlCases,
  ...nghttpCases,
  ...websocketCases,
  ...grpcCases,
  ...opaqueCases,
];

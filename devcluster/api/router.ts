/**
 * From a request to its answer: authenticate, authorise, dispatch.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  ApiError,
  forbidden,
  methodNotAllowed,
  noResource,
  notAcceptable,
} from '../values/status.ts';
import { authenticate } from './authentication.ts';
import type { ApiContext, Call } from './context.ts';
import * as discovery from './discovery.ts';
import { metricsPage } from './metrics.ts';
import { negotiate } from './negotiate.ts';
import { openApiDocument, openApiIndex, openApiV2, openApiV2Binary } from './openapi.ts';
import { OPENAPI_V2_PROTOBUF } from './openapi-v2-binary.ts';
import { refusal } from './rbac.ts';
import { attributesOf, faultSubject, parsePath, verbOf } from './request.ts';
import { serveResource } from './resource-calls.ts';
import { send, sendError, sendText, warn } from './respond.ts';

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Answers `request`; never throws. */
export async function handle(
  context: ApiContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const call: Call = {
      request,
      response,
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      user: authenticate(context, request),
      warnings: [],
    };
    await dispatch(context, call);
  } catch (error) {
    sendError(response, error, context.log);
    request.resume();
  }
}

async function dispatch(context: ApiContext, call: Call): Promise<void> {
  const target = parsePath(call.path);
  if (!target) {
    await serveDocument(context, call);
    return;
  }
  const verb = verbOf(call.method, target, call.query);
  await context.faults.meet(faultSubject(call, target, verb), call.response);
  const attributes = attributesOf(verb, target, call.query);
  if (!context.rbac.allows(call.user, attributes).allowed) {
    throw forbidden(target.group, target.plural, target.name, refusal(call.user, attributes));
  }
  const def = context.registry.find(target.group, target.version, target.plural);
  if (!def) throw noResource();
  const { deprecation } = def;
  if (deprecation && Number(context.version.minor) >= deprecation.since) {
    warn(call.response, deprecation.text);
  }
  await serveResource(context, call, def, target, verb);
  if (WRITES.has(verb) && !def.postOnly && !call.query.has('dryRun') && !call.dryRun) {
    context.writes.count(call.user.name, verb, target);
  }
}

async function serveDocument(context: ApiContext, call: Call): Promise<void> {
  const path = call.path.length > 1 ? call.path.replace(/\/+$/, '') : call.path;
  const attributes = {
    verb: call.method.toLowerCase(),
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    path,
  };
  if (!context.rbac.allows(call.user, attributes).allowed) {
    throw new ApiError(403, 'Forbidden', `forbidden: ${refusal(call.user, attributes)}`, {});
  }
  if (await context.extra(call)) return;
  if (call.method !== 'GET' && call.method !== 'HEAD') throw methodNotAllowed();
  const health = /^\/(healthz|livez|readyz)(?:\/(?:ping|log|etcd))?$/.exec(path);
  if (health) {
    const verbose = call.query.has('verbose');
    const text = verbose ? `[+]ping ok\n[+]etcd ok\n${health[1]} check passed\n` : 'ok';
    sendText(call.response, 200, text, 'text/plain; charset=utf-8');
    return;
  }
  if (path === '/metrics') {
    sendText(call.response, 200, metricsPage(context), 'text/plain; version=0.0.4');
    return;
  }
  const address = call.request.headers.host ?? '';
  if (path === '/.well-known/openid-configuration') {
    await send(call.response, 200, discovery.openIdConfiguration(address));
    return;
  }
  if (path === '/openid/v1/jwks') {
    const keys = JSON.stringify(context.tokens.keySet());
    sendText(call.response, 200, keys, 'application/jwk-set+json');
    return;
  }
  if (path.startsWith('/openapi/')) {
    serveOpenApi(context, call, path);
    return;
  }
  await serveDiscovery(context, call, path);
}

async function serveDiscovery(context: ApiContext, call: Call, path: string): Promise<void> {
  const { registry } = context;
  const isRoot = path === '/api' || path === '/apis';
  const form = negotiate(call.request.headers.accept, isRoot);
  if (isRoot && form.as === 'APIGroupDiscoveryList') {
    const document = discovery.aggregated(registry, path === '/api', form.version);
    const type = `application/json;g=apidiscovery.k8s.io;v=${form.version};as=APIGroupDiscoveryList`;
    sendText(call.response, 200, JSON.stringify(document), type);
    return;
  }
  const [, group, version] = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  const address = call.request.headers.host ?? '';
  const document =
    path === '/'
      ? discovery.rootPaths(registry)
      : path === '/version'
        ? { ...context.version }
        : path === '/api'
          ? discovery.apiVersions(address)
          : path === '/apis'
            ? discovery.groupList(registry)
            : path === '/api/v1'
              ? discovery.resourceList(registry, '', 'v1')
              : group === undefined
                ? undefined
                : version === undefined
                  ? discovery.groupDocument(registry, group)
                  : discovery.resourceList(registry, group, version);
  if (!document) throw noResource();
  await send(call.response, 200, document, form.encoding);
}

function serveOpenApi(context: ApiContext, call: Call, path: string): void {
  const accept = call.request.headers.accept ?? '';
  if (path === '/openapi/v2' && accept.startsWith(OPENAPI_V2_PROTOBUF)) {
    const body = openApiV2Binary(context.registry);
    call.response.writeHead(200, {
      'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
      'content-length': body.length,
    });
    call.response.end(body);
    return;
  }
  if (accept !== '' && !/json|\*\/\*/.test(accept)) throw notAcceptable();
  const { registry } = context;
  const document =
    path === '/openapi/v3'
      ? openApiIndex(registry)
      : path === '/openapi/v2'
        ? openApiV2(registry)
        : openApiDocument(registry, path.slice('/openapi/v3/'.length));
  if (document === undefined) throw noResource();
  sendText(call.response, 200, document);
}

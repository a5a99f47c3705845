/** The OpenAPI 3.1 description of the control socket, from the table of its routes. */
import { z } from 'zod';
import { errorAnswer } from './control-node-schemas.ts';
import { CONTROL_ROUTES, type ControlRoute } from './control-routes.ts';
import { JSON_LINES } from './json-lines.ts';

type Json = Record<string, unknown>;

/** @param version the version of Kith */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of CONTROL_ROUTES) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  paths['/v1/openapi.json'] = {
    get: {
      operationId: 'openapi',
      summary: 'This description.',
      responses: { 200: answer('The description.', { type: 'object' }) },
    },
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kith control API',
      version,
      description:
        'HTTP and JSON over the Unix socket control.sock in the home of a node. Times are milliseconds and lengths octets.',
    },
    servers: [{ url: 'http://localhost', description: 'Over control.sock; the host is ignored.' }],
    paths,
    components: { schemas: { Error: bare(errorAnswer, 'output') } },
  };
}

/** `/v1/why/:friend` as OpenAPI writes it: `/v1/why/{friend}`. */
export function openApiPath(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

function operation(route: ControlRoute): Json {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map((match) => ({
    name: match[1],
    in: 'path',
    required: true,
    description: route.parameter ?? 'A UID, an unambiguous beginning of one, or a name.',
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(route.query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: bare(schema as z.ZodType, 'output'),
  }));
  const parameters: Json[] = [...inPath, ...inQuery];
  return {
    operationId: route.operation,
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: bare(route.body, 'input') } },
          },
        }),
    responses: {
      [route.status]: answer(
        'What was asked for.',
        bare(route.answer, 'output'),
        route.stream === undefined ? route.mediaType : JSON_LINES,
      ),
      default: answer('What is wrong, and what to do.', { $ref: '#/components/schemas/Error' }),
    },
  };
}

function answer(description: string, schema: Json, type = 'application/json'): Json {
  return { description, content: { [type]: { schema } } };
}

/** OpenAPI 3.1 names the dialect for the whole document, so each schema goes without. */
function bare(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return rest;
}

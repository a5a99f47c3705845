/**
 * Values as they come: one line of JSON each, in a stream that both sides can end.
 *
 * See https://github.com/ndjson/ndjson-spec. A line that is no JSON ends the stream with
 * a fault; an empty line is passed over.
 */
import { Readable } from 'node:stream';
import { KithError } from '../errors.ts';

/** The media type. */
export const JSON_LINES = 'application/x-ndjson';

/** Octets of one line. */
const LONGEST_LINE = 64 * 1024;

/** The values as a stream of octets; when it is destroyed, the values are returned. */
export function jsonLines(values: AsyncIterable<unknown>): Readable {
  const iterator = values[Symbol.asyncIterator]();
  return new Readable({
    read() {
      iterator.next().then(
        ({ done, value }) => this.push(done === true ? null : `${JSON.stringify(value)}\n`),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      Promise.resolve(iterator.return?.()).then(
        () => callback(error),
        () => callback(error),
      );
    },
  });
}

/**
 * The values of a stream, which is destroyed when nobody wants more of them.
 * @param failure makes an error of what broke the stream
 */
export async function* parseJsonLines<T>(
  stream: Readable,
  failure: (error: unknown) => KithError,
): AsyncGenerator<T> {
  let gathered = '';
  try {
    stream.setEncoding('utf8');
    for await (const chunk of stream) {
      const lines = `${gathered}${String(chunk)}`.split('\n');
      gathered = lines.pop() ?? '';
      if (gathered.length > LONGEST_LINE) throw nonsense();
      for (const line of lines) if (line !== '') yield parse(line) as T;
    }
  } catch (error) {
    throw error instanceof KithError ? error : failure(error);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw nonsense(cause);
  }
}

function nonsense(cause?: unknown): KithError {
  return new KithError('protocol', 'the node sent a line that is no JSON; is it another version?', {
    cause,
  });
}

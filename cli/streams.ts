/**
 * Standard output and standard error of a command.
 *
 * Promises: no failure of either breaks off what the command has to undo. A reader of standard output that goes away
 * (`isthmus … | head`) ends the command as a signal would; any other failure of it is told once, at the end. Standard
 * error is for people: when it is gone, nothing else changes.
 */
import type { Writable } from 'node:stream';
import { describeError, IsthmusError } from '#core/errors.ts';
import { Interruption } from './interruption.ts';

/** The two streams in use. */
export interface Streams {
  out(text: string): void;
  err(text: string): void;
  /** Resolves when everything is written, with what standard output failed with, if it did. */
  flushed(): Promise<IsthmusError | undefined>;
}

/** Takes the streams into use; `end` is called with the reason when standard output cannot be written to. */
export function openStreams(
  stdout: Writable,
  stderr: Writable,
  end: (reason: IsthmusError) => void,
): Streams {
  let failure: IsthmusError | undefined;
  const failed = (error: NodeJS.ErrnoException) => {
    if (failure !== undefined) return;
    if (error.code === 'EPIPE') {
      end(new Interruption('SIGPIPE'));
      return;
    }
    const message = `standard output cannot be written to: ${describeError(error)}`;
    failure = new IsthmusError('OUTPUT_FAILED', message, { cause: error });
    end(failure);
  };
  stdout.on('error', failed);
  stderr.on('error', () => undefined);
  let outWritten: Promise<void> = Promise.resolve();
  let errWritten: Promise<void> = Promise.resolve();
  return {
    out: (text) => {
      // The callback hears of a failure before the command can end; the event may come too late.
      outWritten = write(stdout, text, failed);
    },
    err: (text) => {
      errWritten = write(stderr, text, () => undefined);
    },
    flushed: async () => {
      await Promise.all([outWritten, errWritten]);
      return failure;
    },
  };
}

/** Resolves when `text` is out, or cannot be. */
function write(stream: Writable, text: string, onError: (error: Error) => void): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, (error) => {
      if (error) onError(error);
      resolve();
    });
  });
}

/**
 * Patterns of custom resources, which are written for Go's regexp. pure
 *
 * https://pkg.go.dev/regexp/syntax. What JavaScript writes otherwise is translated, so that definitions made for a real cluster can
 * be installed: flags in front, `\A` and `\z`, named groups, POSIX classes, and escapes that are none.
 */

const POSIX: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: 'A-Za-z0-9_',
  xdigit: 'A-Fa-f0-9',
};

/** Compiles `pattern`. Throws a SyntaxError for one that is none, or is of a form that is not translated. */
export function compilePattern(pattern: string): RegExp {
  const [front = '', flags = ''] = /^\(\?([ims]+)\)/.exec(pattern) ?? [];
  const source = pattern
    .slice(front.length)
    .replace(/\\(p|P)([A-Z])|\\([\s\S])|\(\?P</g, (all, kind, letter, escaped) => {
      if (letter !== undefined) return `\\${kind}{${letter}}`;
      if (escaped === 'A') return '^';
      if (escaped === 'z') return '$';
      return all === '(?P<' ? '(?<' : all;
    })
    .replace(/\[:(\w+):\]/g, (all, name: string) => POSIX[name] ?? all);
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    // Without the flag an escape that means nothing is the character itself, as in Go.
    return new RegExp(source, flags);
  }
}

/** The sources as text: which files there are, and what they import. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

export interface SourceFile {
  /** With slashes, from the root: `src/io/contract.ts`. */
  readonly path: string;
  readonly text: string;
  /** Each module it imports, statically or not, as written. */
  readonly specifiers: readonly string[];
}

/** The code of a file without its comments, strings left alone. */
function withoutComments(text: string): string {
  return text.replaceAll(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_match, literal: string | undefined) => literal ?? ' ',
  );
}

const SPECIFIERS =
  /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+|\bnew\s+URL\s*\(\s*)(['"])([^'"\n]+)\1/g;

// AVA runs in the directory of package.json.
export function sourceFiles(root = 'src'): SourceFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
    .sort()
    .map((path) => readSource(path, readFileSync(path, 'utf8')));
}

export function readSource(path: string, raw: string): SourceFile {
  const text = withoutComments(raw);
  const specifiers = [...text.matchAll(SPECIFIERS)].map((match) => match[2]);
  return { path, text, specifiers };
}

/** Where a relative specifier leads, from the root; undefined for packages and node's modules. */
export function targetOf(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  // Workers are named by what they are built to.
  return posix.join(dirname(file.path), specifier).replace(/\.js$/, '.ts');
}

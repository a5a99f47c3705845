/**
 * What the console says, octet by octet.
 *
 * Read first: docs/protocol/vde.md, "The management console".
 *
 *   greeting   VDE switch V.2.3.2 \n  second line \n
 *   prompt     \n vde$ <blank>                         no end of line
 *   reply      0000 DATA END WITH '.' \n  lines …  . \n     only of commands that list
 *              1000 Success \n
 *   event      3011 hash/+ text \n                     at any time, but never within a reply
 *   farewell   9999 END OF SESSION                     no end of line; then the stream ends
 */
import { type Status, statusLine } from './errno.ts';

/** The release of vde_switch whose console this is; managers read it. */
export const CONSOLE_VERSION = '2.3.2';

export const PROMPT = '\nvde$ ';
export const DATA_BEGIN = "0000 DATA END WITH '.'";
export const DATA_END = '.';
export const FAREWELL = '9999 END OF SESSION';

/** The two lines that introduce the switch. @param second who it really is, without line ends */
export function banner(second: string): string {
  return `VDE switch V.${CONSOLE_VERSION}\n${second}\n`;
}

/** The reply of a command. @param lines of a command that lists; undefined for the others */
export function formatReply(lines: readonly string[] | undefined, status: Status): string {
  const data = lines === undefined ? [] : [DATA_BEGIN, ...lines.map(escaped), DATA_END];
  return [...data, statusLine(status), ''].join('\n');
}

/** An event. @param tag of its category */
export function formatEvent(tag: number, path: string, text: string): string {
  return `3${tag.toString(8).padStart(3, '0')} ${path} ${oneLine(text)}\n`;
}

/** A line that is only a dot would end the data before its time. */
function escaped(line: string): string {
  const text = oneLine(line);
  return text === DATA_END ? `${DATA_END} ` : text;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\n\r]/g, '?');
}

/** Thrown by a command that ran another program: its exit code is ours, and nothing is printed. */
export class ExitStatus extends Error {
  readonly code: number;

  /** @param code 0 … 255 */
  constructor(code: number) {
    super(`exit code ${code}`);
    this.name = 'ExitStatus';
    this.code = code;
  }
}

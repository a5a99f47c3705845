/** The records of a turn that have to be sealed, all in one call. Allocates nothing. */
import { type BatchedIo, JOB_RECORDS, JOB_STRIDE, Job, TAG_LENGTH } from '../../io/contract.ts';
import { RECORD_HEADER_LENGTH } from '../../links/link-message.ts';
import type { Session } from '../session.ts';

export class SealJobs {
  readonly #io: BatchedIo;
  #jobs = 0;

  constructor(io: BatchedIo) {
    this.#io = io;
  }

  /** Whether so many more can be listed, and one to spare. */
  hasRoom(more: number): boolean {
    return this.#jobs + more + 1 < JOB_RECORDS;
  }

  /**
   * Lists a record under the session's current number; its header is written.
   * @param start of the record
   * @param body octets of its plaintext, of which the last may lie elsewhere (Session.moreLength)
   */
  push(session: Session, start: number, body: number): void {
    const { jobs } = this.#io;
    const { send, sendSlot } = session.keys;
    const at = this.#jobs * JOB_STRIDE;
    this.#jobs++;
    jobs[at + Job.keySlot] = sendSlot;
    jobs[at + Job.aadOffset] = start;
    jobs[at + Job.aadLength] = RECORD_HEADER_LENGTH;
    jobs[at + Job.inputOffset] = start + RECORD_HEADER_LENGTH;
    jobs[at + Job.inputLength] = body - session.moreLength;
    jobs[at + Job.outputOffset] = start + RECORD_HEADER_LENGTH;
    jobs[at + Job.numberHigh] = send.numberHigh;
    jobs[at + Job.numberLow] = send.numberLow;
    jobs[at + Job.moreOffset] = session.moreOffset;
    jobs[at + Job.moreLength] = session.moreLength;
  }

  /** Seals all that are listed. */
  seal(): void {
    if (this.#jobs === 0) return;
    this.#io.seal(this.#jobs);
    this.#blankUnsealed();
    this.#jobs = 0;
  }

  /** What could not be sealed must not leave readable: the other end drops the zeros as forged. */
  #blankUnsealed(): void {
    const { slab, jobs } = this.#io;
    for (let at = 0; at < this.#jobs * JOB_STRIDE; at += JOB_STRIDE) {
      if (jobs[at + Job.result] >= 0) continue;
      const start = jobs[at + Job.outputOffset];
      const text = jobs[at + Job.inputLength] + jobs[at + Job.moreLength];
      slab.fill(0, start, start + text + TAG_LENGTH);
    }
  }
}

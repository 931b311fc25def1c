import assert from 'node:assert/strict';

import type { Change, Desk } from './stack.js';

/** The longest watch of a step, in which a service may restart. */
const LONGEST_MS = 40_000;

/** A stream of changes. A system keeps the cursor with what it made of them, so that another watch goes on after it. */
export class Watch {
  readonly #ended = new AbortController();
  readonly #responses;

  private constructor(desk: Desk, public cursor: string, timeoutMs: number) {
    this.#responses = desk.watch(cursor, { timeoutMs, signal: this.#ended.signal })[Symbol.asyncIterator]();
  }

  /** Opens one, and waits for the service's first response, a heartbeat: all later changes will be seen. */
  static async open(desk: Desk, cursor: string, timeoutMs = LONGEST_MS): Promise<Watch> {
    const watch = new Watch(desk, cursor, timeoutMs);
    assert.equal(await watch.next(), undefined, 'a watch does not begin with a heartbeat');
    return watch;
  }

  /** The next change; undefined for a heartbeat. */
  async next(): Promise<Change | undefined> {
    const { done, value } = await this.#responses.next();
    assert(!done, 'a watch ended without a status');
    assert(value.cursor, 'a response of a watch has no cursor');
    this.cursor = value.cursor;
    return value.change;
  }

  /** All changes up to an entry of this kind in this matter. */
  async until(matter: string, fact: string): Promise<Change[]> {
    const changes: Change[] = [];
    for (;;) {
      const change = await this.next();
      if (change) {
        changes.push(change);
        if (change.matter === matter && change.fact === fact) {
          return changes;
        }
      }
    }
  }

  /** The error with which the stream ends. */
  async end(): Promise<unknown> {
    for (;;) {
      try {
        await this.next();
      } catch (error) {
        return error;
      }
    }
  }

  close(): void {
    this.#ended.abort();
  }
}

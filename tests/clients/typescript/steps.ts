import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { place, type Agency, type Expectations, type Expected, type Profile } from './sandbox.js';
import type { Desk, Issue, Place, Refusal, Stack } from './stack.js';
import { Watch } from './watch.js';

const POLICY = { purpose: 'policy' };

/** The steps. Each method of the name of a step is one. */
export class Steps {
  readonly #desks = new Map<string, Desk>();

  constructor(
    private readonly stack: Stack,
    private readonly profile: Profile,
    private readonly expected: Expectations,
  ) {}

  async schemes(): Promise<void> {
    const { schemes } = await this.#desk('ppc', 'intake').listSchemes();
    assert.deepEqual(schemes.map(({ name }) => name).sort(), this.expected.schemes);
  }

  async referral(): Promise<void> {
    const intake = this.#desk('ppc', 'intake');
    const issue = fresh();
    const issued = await intake.issueReferral(issue);
    assert(issued.referral?.caseNumber);
    assert.deepEqual(await intake.issueReferral(issue), issued);
    await this.#refused(this.expected.errors.request_id_reused, () => this.#reuseRequestId());
  }

  /** Cuts the line between two changes, and goes on after the last cursor. */
  async watch(): Promise<void> {
    const [ppc, ipa] = [this.#desk('ppc', 'casework'), this.#desk('ipa', 'casework')];
    const { asOf } = await ppc.listAdviceRequests();
    const line = this.stack.open(place(this.profile.ppc, 'casework'));
    const first = await Watch.open(line, asOf);
    const { name, due } = await ppc.submitAdviceRequest(randomUUID());
    const before = await first.until(name, 'advice_requested');
    line.close();

    const arrival = await Watch.open(ipa, '-');
    await arrival.until(name, 'advice_requested');
    await ipa.acceptAdviceRequest(randomUUID(), name, due!.on);
    const second = await Watch.open(ppc, first.cursor);
    const after = await second.until(name, 'advice_accepted');

    const uncut = await Watch.open(ppc, asOf);
    assert.deepEqual([...before, ...after], await uncut.until(name, 'advice_accepted'));
    [arrival, second, uncut].forEach((watch) => watch.close());
  }

  /** Restarts the service while a watch is open, and makes a call meanwhile. */
  async restart(): Promise<void> {
    const intake = this.#desk('ppc', 'intake');
    const watch = await Watch.open(intake, '');
    const [program, ...words] = this.profile.restart;
    const restart = spawn(program!, [...words, 'ppc'], { stdio: ['ignore', 2, 2] });
    const exit = once(restart, 'exit');
    const ended = this.#said('restart: the watch', await watch.end());
    assert.equal(ended.code, 'UNAVAILABLE');
    // A line that is cut before the status arrives gives no reason.
    assert(['DRAINING', ''].includes(ended.reason), ended.reason);

    const issue = fresh();
    const issued = await this.#insist(() => intake.issueReferral(issue));
    assert.deepEqual(await exit, [0, null]);
    assert.deepEqual(await this.#insist(() => intake.issueReferral(issue)), issued);

    // The entry of a later matter shows that nothing more comes of the former.
    const later = await this.#insist(() => intake.issueReferral(fresh()));
    const resumed = await Watch.open(intake, watch.cursor);
    const changes = await resumed.until(later.referral!.name, 'referral_issued');
    resumed.close();
    const entries = changes.filter(({ matter, fact }) => matter === issued.referral!.name && fact);
    assert.equal(entries.length, 1);
  }

  /** Reads at one agency what the other has shared. */
  async item(): Promise<void> {
    const [ppc, ipa] = [this.#desk('ppc', 'sharing'), this.#desk('ipa', 'sharing')];
    const watch = await Watch.open(ppc, (await ppc.listItems(POLICY)).asOf);
    const body = `# 改ざんの手口 ${randomUUID()}`;
    const { name } = await ipa.publishItem(randomUUID(), body, POLICY);
    await watch.until(name, 'threat_information_published');
    watch.close();
    assert.equal(await ppc.readItem(name, POLICY), body);
  }

  async paging(): Promise<void> {
    const intake = this.#desk('ppc', 'intake');
    const paged = [];
    let token = '';
    do {
      const { schemes, nextPageToken } = await intake.listSchemes(1, token);
      assert.equal(schemes.length, 1);
      paged.push(...schemes);
      token = nextPageToken;
    } while (token);
    assert.deepEqual(paged, (await intake.listSchemes()).schemes);
  }

  async errors(): Promise<void> {
    const intake = this.#desk('ppc', 'intake');
    const calls: Record<string, () => Promise<unknown>> = {
      invalid_field: () => intake.issueReferral({ ...fresh(), report: 'no/report here', kind: 99 }),
      no_official: () => intake.getAgreement({ official: '' }),
      no_purpose: () => this.#desk('ppc', 'sharing').listItems(),
      broken_page_token: () => intake.listSchemes(0, 'broken'),
      no_role: () => this.#desk('ppc', 'reader').issueReferral(fresh()),
      nothing_there: () => intake.getScheme('agencies/ppc/schemes/nothing-there'),
      request_id_reused: () => this.#reuseRequestId(),
      stale_etag: () => this.#useStaleEtag(),
      unknown_cursor: () => Watch.open(intake, 'unknown'),
    };
    for (const [name, expected] of Object.entries(this.expected.errors)) {
      await this.#refused(expected, calls[name]!, name);
    }
  }

  async retry_info(): Promise<void> {
    const auditor = this.#desk('ppc', 'auditor');
    const watches: Watch[] = [];
    for (let each = 0; each < this.expected.retry_info.watchers; each++) {
      watches.push(await Watch.open(auditor, ''));
    }
    const refusal = await this.#refused({ fields: [], ...this.expected.retry_info }, () => Watch.open(auditor, ''));
    assert(refusal.retryAfterMs > 0);
    watches.forEach((watch) => watch.close());
  }

  async message_limit(): Promise<void> {
    const { bytes, code } = this.expected.message_limit;
    const issue = { ...fresh(), report: '1'.repeat(bytes) };
    const error = await failure(() => this.#desk('ppc', 'intake').issueReferral(issue));
    assert.equal(this.#said('message_limit', error).code, code);
  }

  async deadline(): Promise<void> {
    // Not the caller of the watches that were closed before: the service may still count one of them.
    const watch = await Watch.open(this.#desk('ppc', 'reader'), '', 1_000);
    assert.equal(this.stack.refusalOf(await watch.end()).code, this.expected.deadline.code);
  }

  /** They are refused in the handshake, about which the texts are those of this language, or by the first call. */
  async certificates(): Promise<void> {
    const own = place(this.profile.ppc, 'intake');
    const attempt = async (name: string, expected: string, wrong: Place) => {
      const desk = this.stack.open(wrong);
      const error = await failure(() => desk.getAgreement());
      desk.close();
      assert.equal(this.#said(`certificates: ${name}`, error).code, expected, name);
    };
    for (const [name, code] of Object.entries(this.expected.certificates)) {
      await attempt(name, code, place({ ...this.profile.ppc, callers: this.profile.wrong }, name));
    }
    const { roots } = place(this.profile.ipa, 'intake');
    await attempt('another server name', 'UNAVAILABLE', { ...own, serverName: 'other.test' });
    await attempt('no certificate', 'UNAVAILABLE', { ...own, certificate: undefined, key: undefined });
    await attempt("the other agency's roots", 'UNAVAILABLE', { ...own, roots });
  }

  #desk(agency: Agency, caller: string): Desk {
    const name = `${agency}/${caller}`;
    const desk = this.#desks.get(name) ?? this.stack.open(place(this.profile[agency], caller));
    this.#desks.set(name, desk);
    return desk;
  }

  /** Makes two different requests with one id. */
  async #reuseRequestId(): Promise<unknown> {
    const intake = this.#desk('ppc', 'intake');
    const first = fresh();
    await intake.issueReferral(first);
    return intake.issueReferral({ ...fresh(), requestId: first.requestId });
  }

  /** Changes a matter twice on the strength of one reading. */
  async #useStaleEtag(): Promise<unknown> {
    const casework = this.#desk('ppc', 'casework');
    const read = await casework.submitAdviceRequest(randomUUID());
    await casework.supplementAdviceRequest(randomUUID(), read);
    return casework.supplementAdviceRequest(randomUUID(), read);
  }

  /** Repeats a call while nobody answers it. The request id makes that harmless. */
  async #insist<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const { code, retryAfterMs } = this.#said('restart: not answered', error);
        if (code !== 'UNAVAILABLE') {
          throw error;
        }
        await sleep(Math.max(retryAfterMs, 1_000));
      }
    }
  }

  /** Asserts that a call is refused in full form. */
  async #refused(expected: Expected | undefined, call: () => Promise<unknown>, name?: string): Promise<Refusal> {
    const refusal = this.stack.refusalOf(await failure(call));
    const { code, reason } = refusal;
    const paths = refusal.fields.map(({ path }) => path);
    assert.deepEqual([code, reason, paths], [expected?.code, expected?.reason, expected?.fields], name);
    assert.equal(refusal.locale, 'ja');
    for (const sentence of [refusal.sentence, ...refusal.fields.map((field) => field.sentence)]) {
      assert.match(sentence, /[\p{Script=Han}\p{Script=Hiragana}]/u);
    }
    assert(code !== 'FAILED_PRECONDITION' || refusal.preconditions > 0, 'the precondition is not named');
    return refusal;
  }

  /** Shows an error as this language does. */
  #said(what: string, error: unknown): Refusal {
    console.error(`${what}: ${error}`);
    return this.stack.refusalOf(error);
  }
}

/** A referral for a fresh report. */
function fresh(): Issue {
  return { requestId: randomUUID(), report: `2026-${randomInt(1_000_000).toString().padStart(6, '0')}` };
}

async function failure(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  assert.fail('the call was answered');
}

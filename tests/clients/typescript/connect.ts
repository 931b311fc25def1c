// The calls with Connect over gRPC: messages and services are generated, and typed.
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { createClient, type CallOptions } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';

import { refusalOf } from './connect_refusal.js';
import { AdvicePurpose, Urgency } from './gen/typescript/renkei/advice/v1/advice_pb.js';
import { AdviceAskingService, AdviceGivingService, AdviceService } from './gen/typescript/renkei/advice/v1/advice_service_pb.js';
import { AgreementService } from './gen/typescript/renkei/agreement/v1/agreement_service_pb.js';
import { ReferralService } from './gen/typescript/renkei/referral/v1/referral_service_pb.js';
import { SchemeService } from './gen/typescript/renkei/referral/v1/scheme_service_pb.js';
import { ItemService } from './gen/typescript/renkei/sharing/v1/item_service_pb.js';
import { Certainty, Finding, Ground, IncidentKind, ReporterKind } from './gen/typescript/renkei/type/v1/incident_pb.js';
import { Language } from './gen/typescript/renkei/type/v1/text_pb.js';
import { WatchService } from './gen/typescript/renkei/watch/v1/watch_service_pb.js';
import { KNOWN, metadata, PATIENCE_MS, type Desk, type Options, type Place, type Seen, type Stack } from './stack.js';

export const connect: Stack = { open, refusalOf };

function open(place: Place): Desk {
  const baseUrl = `https://${place.address}`;
  const sessionManager = new Http2SessionManager(baseUrl, {}, {
    servername: place.serverName, ca: place.roots, cert: place.certificate, key: place.key,
  });
  const transport = createGrpcTransport({ baseUrl, sessionManager, defaultTimeoutMs: PATIENCE_MS });
  const agreement = createClient(AgreementService, transport);
  const schemes = createClient(SchemeService, transport);
  const referrals = createClient(ReferralService, transport);
  const advice = createClient(AdviceService, transport);
  const asking = createClient(AdviceAskingService, transport);
  const giving = createClient(AdviceGivingService, transport);
  const items = createClient(ItemService, transport);
  const feed = createClient(WatchService, transport);

  return {
    getAgreement: (options) => agreement.getAgreement({ name: 'agreement' }, call(options)),
    getScheme: (name) => schemes.getScheme({ name }, call()),
    listSchemes: (pageSize, pageToken) => schemes.listSchemes({ parent: 'agencies/-', pageSize, pageToken }, call()),
    issueReferral: ({ requestId, report, kind = IncidentKind.ACCESS }) =>
      referrals.issueReferral({
        requestId,
        report,
        reportedUnder: 'agencies/ppc/schemes/leak-report-private',
        judgement: {
          finding: Finding.APPLIES,
          ground: Ground.TRACES,
          certainty: Certainty.CONFIRMED,
          judgedAt: timestampFromDate(KNOWN),
        },
        scopeFacts: { electronic: true, personalInformation: true, kind, reporter: ReporterKind.BUSINESS },
        language: Language.JA,
        withCode: true,
      }, call()),
    listAdviceRequests: () => advice.listAdviceRequests({}, call()),
    submitAdviceRequest: (requestId) =>
      asking.submitAdviceRequest({
        requestId,
        title: '改ざんされた決済画面',
        purposes: [AdvicePurpose.ROOT_CAUSE],
        urgency: Urgency.NORMAL,
        submission: { facts: [statement('決済画面が改ざんされた')], questions: ['何を保全するか'] },
      }, call()),
    supplementAdviceRequest: (requestId, { name, etag }) =>
      asking.supplementAdviceRequest({
        requestId, name, etag, submission: { facts: [statement('追加の事実')] },
      }, call()),
    acceptAdviceRequest: (requestId, name, plannedOn) =>
      giving.acceptAdviceRequest({ requestId, name, plannedOn }, call()),
    listItems: (options) => items.listItems({ parent: 'agencies/ipa' }, call(options)),
    publishItem: (requestId, body, options) => {
      const text = {
        title: '改ざんの手口',
        body,
        language: Language.JA,
        certainty: Certainty.ESTIMATED,
        asOf: timestampFromDate(KNOWN),
      };
      return items.publishItem({
        requestId,
        terms: { scope: { scope: { case: 'undesignated', value: {} } } },
        content: { item: { case: 'threatInformation', value: { text } } },
      }, call(options));
    },
    readItem: async (name, options) => {
      const { content } = await items.getItem({ name }, call(options));
      return content?.item.value?.text?.body;
    },
    async *watch(cursor, options) {
      for await (const response of feed.watch({ cursor }, call(options))) {
        const seen: Seen = { cursor: response.cursor };
        if (response.event) {
          const { matter, change } = response.event;
          const applied = change.case === 'entryApplied' ? change.value : undefined;
          seen.change = { matter, entry: applied?.entry ?? '', fact: applied?.factType ?? '' };
        }
        yield seen;
      }
    },
    close: () => sessionManager.abort(),
  };
}

function call(options: Options = {}): CallOptions {
  return { headers: metadata(options), timeoutMs: options.timeoutMs, signal: options.signal };
}

function statement(text: string) {
  return { text, certainty: Certainty.CONFIRMED, asOf: timestampFromDate(KNOWN) };
}

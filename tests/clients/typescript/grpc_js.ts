// The calls with grpc-js: proto-loader reads the contract when the program starts. Nothing is generated, nothing typed.
import {
  credentials, loadPackageDefinition, Metadata, type Client, type ClientReadableStream, type ServiceClientConstructor,
} from '@grpc/grpc-js';

import { contract } from './contract.js';
import { refusalOf } from './grpc_js_refusal.js';
import { KNOWN, metadata, PATIENCE_MS, type Desk, type Options, type Place, type Seen, type Stack } from './stack.js';

const { renkei } = loadPackageDefinition(contract) as any;
const known = { seconds: KNOWN.getTime() / 1000 };

export const grpcJs: Stack = { open, refusalOf };

function open(place: Place): Desk {
  const tls = credentials.createSsl(place.roots, place.key, place.certificate);
  // The clients of one address and of the same options share one connection.
  const client = (Service: ServiceClientConstructor) =>
    new Service(place.address, tls, { 'grpc.ssl_target_name_override': place.serverName });
  const agreement = client(renkei.agreement.v1.AgreementService);
  const schemes = client(renkei.referral.v1.SchemeService);
  const referrals = client(renkei.referral.v1.ReferralService);
  const advice = client(renkei.advice.v1.AdviceService);
  const asking = client(renkei.advice.v1.AdviceAskingService);
  const giving = client(renkei.advice.v1.AdviceGivingService);
  const items = client(renkei.sharing.v1.ItemService);
  const feed = client(renkei.watch.v1.WatchService);
  // To close a client does not end its calls.
  const watches = new Set<ClientReadableStream<any>>();

  return {
    getAgreement: (options) => call(agreement, 'getAgreement', { name: 'agreement' }, options),
    getScheme: (name) => call(schemes, 'getScheme', { name }),
    listSchemes: (pageSize, pageToken) => call(schemes, 'listSchemes', { parent: 'agencies/-', pageSize, pageToken }),
    issueReferral: ({ requestId, report, kind }) =>
      call(referrals, 'issueReferral', {
        requestId,
        report,
        reportedUnder: 'agencies/ppc/schemes/leak-report-private',
        judgement: {
          finding: 'FINDING_APPLIES', ground: 'GROUND_TRACES', certainty: 'CERTAINTY_CONFIRMED', judgedAt: known,
        },
        scopeFacts: {
          electronic: true,
          personalInformation: true,
          kind: kind ?? 'INCIDENT_KIND_ACCESS',
          reporter: 'REPORTER_KIND_BUSINESS',
        },
        language: 'LANGUAGE_JA',
        withCode: true,
      }),
    listAdviceRequests: () => call(advice, 'listAdviceRequests', {}),
    submitAdviceRequest: (requestId) =>
      call(asking, 'submitAdviceRequest', {
        requestId,
        title: '改ざんされた決済画面',
        purposes: ['ADVICE_PURPOSE_ROOT_CAUSE'],
        urgency: 'URGENCY_NORMAL',
        submission: { facts: [statement('決済画面が改ざんされた')], questions: ['何を保全するか'] },
      }),
    supplementAdviceRequest: (requestId, { name, etag }) =>
      call(asking, 'supplementAdviceRequest', {
        requestId, name, etag, submission: { facts: [statement('追加の事実')] },
      }),
    acceptAdviceRequest: (requestId, name, plannedOn) =>
      call(giving, 'acceptAdviceRequest', { requestId, name, plannedOn }),
    listItems: (options) => call(items, 'listItems', { parent: 'agencies/ipa' }, options),
    publishItem: (requestId, body, options) => {
      const text = {
        title: '改ざんの手口', body, language: 'LANGUAGE_JA', certainty: 'CERTAINTY_ESTIMATED', asOf: known,
      };
      const terms = { scope: { undesignated: {} } };
      return call(items, 'publishItem', { requestId, terms, content: { threatInformation: { text } } }, options);
    },
    readItem: async (name, options) => {
      const { content } = await call(items, 'getItem', { name }, options);
      return content.threatInformation?.text.body;
    },
    async *watch(cursor, options) {
      const stream: ClientReadableStream<any> = feed.watch!({ cursor }, meta(options), deadline(options));
      watches.add(stream);
      options.signal?.addEventListener('abort', () => stream.cancel());
      try {
        for await (const { cursor, event } of stream) {
          const seen: Seen = { cursor };
          if (event) {
            const { matter, entryApplied } = event;
            seen.change = { matter, entry: entryApplied?.entry ?? '', fact: entryApplied?.factType ?? '' };
          }
          yield seen;
        }
      } finally {
        watches.delete(stream);
      }
    },
    close: () => {
      watches.forEach((stream) => stream.cancel());
      [agreement, schemes, referrals, advice, asking, giving, items, feed].forEach((it) => it.close());
    },
  };
}

/** A unary call of grpc-js as a promise. */
function call(client: Client, method: string, request: object, options: Options = {}): Promise<any> {
  return new Promise((resolve, reject) => {
    (client as any)[method](request, meta(options), deadline(options), (error: unknown, answer: unknown) =>
      error ? reject(error) : resolve(answer));
  });
}

function meta(options: Options): Metadata {
  return Metadata.fromHttp2Headers(metadata(options));
}

function deadline({ timeoutMs = PATIENCE_MS }: Options) {
  return { deadline: Date.now() + timeoutMs };
}

function statement(text: string) {
  return { text, certainty: 'CERTAINTY_CONFIRMED', asOf: known };
}

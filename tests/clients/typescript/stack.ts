/** What the steps need of a gRPC implementation. */
export interface Stack {
  open(place: Place): Desk;
  refusalOf(error: unknown): Refusal;
}

/** A service, and what is needed to be let in. The server name is that in the service's certificate. */
export interface Place {
  address: string;
  serverName: string;
  roots: Buffer;
  certificate?: Buffer;
  key?: Buffer;
}

/** What a service says about a call that it does not answer. */
export interface Refusal {
  code: string;
  /** The name of a Reason without its prefix. Empty if the status comes from the transport and not from the service. */
  reason: string;
  /** For the official. */
  locale: string;
  sentence: string;
  /** The fields that are wrong in the order of the contract, each with the sentence to show the official beside it. */
  fields: { path: string; sentence: string }[];
  preconditions: number;
  /** 0 if a repeat of the same call would not help. */
  retryAfterMs: number;
}

/** An official is stated for each call, because one system serves many. Only some methods ask for a purpose. */
export interface Options {
  official?: string;
  purpose?: string;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Issue {
  requestId: string;
  report: string;
  /** The number of the kind of incident, if it is not an unauthorised access. */
  kind?: number;
}

export interface Advice {
  name: string;
  etag: string;
  due?: { on: string } | null;
}

/** One response of a watch; without a change it is a heartbeat. */
export interface Seen {
  cursor: string;
  change?: Change;
}

export interface Change {
  matter: string;
  /** The entry and its kind, if the change is one of a matter. */
  entry: string;
  fact: string;
}

/** An agency's service. The connection is opened with the first call and again whenever it was lost. */
export interface Desk {
  getAgreement(options?: Options): Promise<unknown>;
  getScheme(name: string): Promise<unknown>;
  listSchemes(pageSize?: number, pageToken?: string): Promise<{ schemes: { name: string }[]; nextPageToken: string }>;
  issueReferral(issue: Issue): Promise<{ referral?: { name: string; caseNumber: string } | null }>;
  listAdviceRequests(): Promise<{ asOf: string }>;
  submitAdviceRequest(requestId: string): Promise<Advice>;
  supplementAdviceRequest(requestId: string, read: Advice): Promise<Advice>;
  acceptAdviceRequest(requestId: string, name: string, plannedOn: string): Promise<Advice>;
  listItems(options?: Options): Promise<{ asOf: string }>;
  publishItem(requestId: string, body: string, options: Options): Promise<{ name: string }>;
  /** The body of an item's text. */
  readItem(name: string, options: Options): Promise<string | undefined>;
  watch(cursor: string, options: Options): AsyncIterable<Seen>;
  /** Cuts the connection. */
  close(): void;
}

/** The time in which a unary call is answered, unless it states its own. */
export const PATIENCE_MS = 10_000;
/** An instant before those of the sandbox, whose clock is not the present one. */
export const KNOWN = new Date('2026-11-24T00:00:00Z');

export function metadata({ official = 'tanaka', purpose = '' }: Options): Record<string, string> {
  return { ...(official && { 'renkei-official': official }), ...(purpose && { 'renkei-purpose': purpose }) };
}

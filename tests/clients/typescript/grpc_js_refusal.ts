import { status, type ServiceError } from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import { contract } from './contract.js';
import type { Refusal } from './stack.js';

/** Reads the details of an error of grpc-js, which leaves them in the metadata as bytes of a google.rpc.Status. */
export function refusalOf(error: unknown): Refusal {
  const { code, metadata } = error as ServiceError;
  const refusal: Refusal = {
    code: status[code], reason: '', locale: '', sentence: '', fields: [], preconditions: 0, retryAfterMs: 0,
  };
  const [packed] = metadata?.get('grpc-status-details-bin') ?? [];
  const details = packed ? decode('google.rpc.Status', packed as Buffer).details : [];
  // The message Any is part of the loader, which leaves its field in snake case.
  for (const { type_url, value } of details) {
    const type = type_url.split('/').at(-1);
    const detail = type in contract ? decode(type, value) : undefined;
    if (type === 'google.rpc.ErrorInfo' && detail.domain === 'renkei') {
      refusal.reason = detail.reason;
    } else if (type === 'google.rpc.LocalizedMessage') {
      refusal.locale = detail.locale;
      refusal.sentence = detail.message;
    } else if (type === 'google.rpc.BadRequest') {
      for (const { field, localizedMessage } of detail.fieldViolations) {
        refusal.fields.push({ path: field, sentence: localizedMessage?.message ?? '' });
      }
    } else if (type === 'google.rpc.PreconditionFailure') {
      refusal.preconditions = detail.violations.length;
    } else if (type === 'google.rpc.RetryInfo') {
      refusal.retryAfterMs = Number(detail.retryDelay.seconds) * 1000 + detail.retryDelay.nanos / 1e6;
    }
  }
  return refusal;
}

function decode(type: string, bytes: Buffer) {
  return (contract[type] as MessageTypeDefinition<object, any>).deserialize(bytes);
}

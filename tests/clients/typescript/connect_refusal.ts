import { durationMs } from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';

import { Code } from './gen/typescript/google/rpc/code_pb.js';
import {
  BadRequestSchema, ErrorInfoSchema, LocalizedMessageSchema, PreconditionFailureSchema, RetryInfoSchema,
} from './gen/typescript/google/rpc/error_details_pb.js';
import type { Refusal } from './stack.js';

/** Reads the details of an error that Connect throws. Its codes have the numbers of gRPC and names of its own. */
export function refusalOf(error: unknown): Refusal {
  const status = ConnectError.from(error);
  const info = status.findDetails(ErrorInfoSchema).find(({ domain }) => domain === 'renkei');
  const [message] = status.findDetails(LocalizedMessageSchema);
  const [retry] = status.findDetails(RetryInfoSchema);
  return {
    // Connect has several codes for a connection that fails. Such an error has a cause; one of the service has none.
    code: isOfConnection(status.cause) ? 'UNAVAILABLE' : (Code[status.code] ?? ''),
    reason: info?.reason ?? '',
    locale: message?.locale ?? '',
    sentence: message?.message ?? '',
    fields: status.findDetails(BadRequestSchema).flatMap((it) => it.fieldViolations)
      .map(({ field, localizedMessage }) => ({ path: field, sentence: localizedMessage?.message ?? '' })),
    preconditions: status.findDetails(PreconditionFailureSchema).flatMap((it) => it.violations).length,
    retryAfterMs: retry?.retryDelay ? durationMs(retry.retryDelay) : 0,
  };
}

/** Errors of Node.js have a code in letters, such as ECONNRESET. */
function isOfConnection(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string';
}

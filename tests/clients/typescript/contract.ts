import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';

/** The contract as proto-loader reads it, from a copy of the folder `proto`, with fields in camel case. */
export const contract = loadSync(
  [
    'google/rpc/error_details.proto',
    'google/rpc/status.proto',
    'renkei/advice/v1/advice_service.proto',
    'renkei/agreement/v1/agreement_service.proto',
    'renkei/referral/v1/referral_service.proto',
    'renkei/referral/v1/scheme_service.proto',
    'renkei/sharing/v1/item_service.proto',
    'renkei/watch/v1/watch_service.proto',
  ],
  { includeDirs: [join(import.meta.dirname, '../proto')], enums: String, longs: String, defaults: true, oneofs: true },
);

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Place } from './stack.js';

export type Agency = 'ppc' | 'ipa';

/** What a running sandbox writes about itself. */
export interface Profile extends Record<Agency, Service> {
  /** The folder of certificates that PPC's service refuses. */
  wrong: string;
  restart: string[];
}

export interface Service {
  address: string;
  server_name: string;
  /** The folder of the certificates of the agency's own systems. */
  callers: string;
}

/** What the clients of all languages must find. */
export interface Expectations {
  steps: string[];
  schemes: string[];
  errors: Record<string, Expected>;
  retry_info: { code: string; reason: string; watchers: number };
  message_limit: { code: string; bytes: number };
  deadline: { code: string };
  certificates: Record<string, string>;
}

export interface Expected {
  code: string;
  reason: string;
  fields: string[];
}

/** A service as one of the callers sees it. */
export function place(service: Service, caller: string): Place {
  const read = (name: string) => readFileSync(join(service.callers, caller, name));
  return {
    address: service.address,
    serverName: service.server_name,
    roots: read('roots.pem'),
    certificate: read('certificate.pem'),
    key: read('key.pem'),
  };
}

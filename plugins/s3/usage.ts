/** What a place has asked for: every request counts, failed ones too. */
export interface Usage {
  /** Requests by the name of their operation. */
  readonly requests: Map<string, number>;
  sent: number;
  received: number;
}

/** Nothing so far. */
export function createUsage(): Usage {
  return { requests: new Map(), sent: 0, received: 0 };
}

/** Notes a request. */
export function count({ requests }: Usage, operation: string): void {
  requests.set(operation, (requests.get(operation) ?? 0) + 1);
}

/** Dollars a thousand, as Amazon S3 Standard charges them in us-east-1. */
const WRITE = 0.005;
const READ = 0.0004;

/** What the requests cost at Amazon's list price, in dollars; bytes that leave the region are not in it. */
export function costOf({ requests }: Usage): number {
  let sum = 0;
  for (const [operation, times] of requests) {
    if (/^(Delete|Abort)/.test(operation)) continue;
    sum += times / 1000 * (/^(Get|Head)/.test(operation) ? READ : WRITE);
  }
  return sum;
}

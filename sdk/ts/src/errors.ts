import { BaseError } from "viem";

/** The withdrawal is in no settled batch yet: try again later. */
export class WithdrawalNotSettledError extends BaseError {
  constructor(index: bigint, options: { cause?: unknown } = {}) {
    super(`Withdrawal ${index} is in no settled batch yet.`, {
      name: "WithdrawalNotSettledError",
      cause: options.cause as Error,
    });
  }
}

/** Waiting took longer than the caller allowed. */
export class WaitTimeoutError extends BaseError {
  constructor(what: string, ms: number) {
    super(`${what} did not happen within ${ms} ms.`, { name: "WaitTimeoutError" });
  }
}

/** The receipt has no such event. */
export class EventNotFoundError extends BaseError {
  constructor(event: string) {
    super(`The receipt holds no ${event} of the expected contract.`, { name: "EventNotFoundError" });
  }
}

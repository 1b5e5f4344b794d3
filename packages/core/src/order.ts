/** Who gave an order and how it came in; the audit row of whatever it changed says so. */
export interface Order {
  /** Such as `alice@example.com`, `token:network-backend`, `cli:root`, or `system` where nobody gave an order. */
  readonly actor: string;
  /** The id of the HTTP request. */
  readonly requestId?: string;
  /** The network address of the HTTP client. */
  readonly clientAddress?: string;
}

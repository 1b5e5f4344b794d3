/** Who ordered a change and how the order arrived. The audit row of the change records it. */
export interface Order {
  /** Such as `alice@example.com`, `token:network-backend` or `cli:root`; `system` for changes without an order. */
  readonly actor: string;
  /** The id of the HTTP request. */
  readonly requestId?: string;
  /** The network address of the HTTP client. */
  readonly clientAddress?: string;
}

/** Who requests a change, and with which HTTP request. The audit row of the change records it. */
export interface AuditContext {
  /** Such as `alice@example.com`, `token:network-backend` or `cli:root`; `system` for what the system does by itself. */
  readonly actor: string;
  /** The id of the HTTP request. */
  readonly requestId?: string;
  /** The network address of the HTTP client. */
  readonly clientAddress?: string;
}

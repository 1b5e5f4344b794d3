const LOOPBACK = /^(localhost|127(\.\d+){3}|::1|\[::1\])$/;

/** Whether a host name or IP address is loopback, so its traffic never leaves this machine. IPv6 may be in brackets. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

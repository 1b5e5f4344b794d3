const LOOPBACK = /^(localhost|127(\.\d+){3}|::1|\[::1\])$/;

/** Whether a host name or address is this machine itself, so that nobody elsewhere can listen in; an IPv6 one may have its brackets. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

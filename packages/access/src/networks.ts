import ipaddr from "ipaddr.js";

/** A provider gives one customer a /64 at least, and up to a /48: all of its addresses are one client's. */
const SUBSCRIBER_BITS = 64;
const SITE_BITS = 48;

/**
 * A client address in its usual form: an IPv4 address that is written as an IPv6 one becomes IPv4, and the zone of a
 * link-local address is left out. A text that is no address stays as it is.
 */
export function plainAddress(address: string): string {
  return parse(address)?.toString() ?? address;
}

/** The network that a client has to itself: an IPv4 address, or the /64 of an IPv6 one. */
export function networkOf(address: string): string {
  return prefixOf(address, SUBSCRIBER_BITS) ?? plainAddress(address);
}

/** The /48 of an IPv6 address, which is the most that one customer has; null for other addresses. */
export function siteOf(address: string): string | null {
  return prefixOf(address, SITE_BITS);
}

function parse(address: string) {
  const [withoutZone = ""] = address.split("%");
  return ipaddr.isValid(withoutZone) ? ipaddr.process(withoutZone) : null;
}

function prefixOf(address: string, bits: number): string | null {
  const parsed = parse(address);
  if (parsed?.kind() !== "ipv6") return null;
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${bits}`);
  return `${network.toString()}/${bits}`;
}

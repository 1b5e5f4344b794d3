import { expect, it } from "vitest";
import { networkOf, plainAddress, siteOf } from "./networks.ts";

it.each([
  ["203.0.113.7", "203.0.113.7", null],
  ["::ffff:203.0.113.7", "203.0.113.7", null],
  ["::ffff:cb00:7107", "203.0.113.7", null],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"],
  ["2001:DB8:0001:0002::1", "2001:db8:1:2::/64", "2001:db8:1::/48"],
  ["fe80::1%eth0", "fe80::/64", "fe80::/48"],
  ["fe80::2%25eth1", "fe80::/64", "fe80::/48"],
  ["::1", "::/64", "::/48"],
  ["unknown", "unknown", null],
  ["", "", null],
])("the client address %j belongs to the network %j and the site %j", (address, network, site) => {
  expect([networkOf(address), siteOf(address)]).toEqual([network, site]);
});

it("a loopback address is recognised in each of its forms", () => {
  expect(["127.0.0.1", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"].map(plainAddress)).toEqual([
    "127.0.0.1",
    "::1",
    "127.0.0.1",
    "::1",
  ]);
});

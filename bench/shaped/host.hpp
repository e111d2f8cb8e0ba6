// The hosts of the star: a network namespace each, with nothing but `lo` and one TAP device,
// `star0`. The namespaces live as long as this process, or a process inside them, does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace star {

struct HostPlan {
  std::string name;
  std::string address;  // IPv4
  double up_mbit = 0;   // 10^6 bits a second on the line; 0: as fast as it comes
  double down_mbit = 0;
  double delay_ms = 0;  // one way, between the host and the middle of the star
};

struct Host {
  int space = -1;   // its network namespace: /proc/PID/fd/`space` for others
  int device = -1;  // its TAP device, non-blocking, IFF_VNET_HDR
};

struct DevicePlan {
  std::string netmask = "255.255.0.0";
  int mtu = 1500;
  bool segments = false;  // the device hands out and takes many TCP segments as one (up to 64 KiB)
};

// Opens one for each, number i with hardware_address(i); all know all
// others' addresses, so that none asks by broadcast. Leaves the caller
// in the last of the namespaces. Throws std::system_error.
std::vector<Host> open_hosts(const std::vector<HostPlan>& plans, const DevicePlan& devices);

}  // namespace star

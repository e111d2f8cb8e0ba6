#include "host.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "frames.hpp"

namespace star {

namespace {
constexpr const char* device_name = "star0";
constexpr int queue_frames = 10000;  // towards us: shaped here, not there

int checked(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

ifreq request_for(const char* device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
  return request;
}

sockaddr_in internet(const std::string& address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  if (inet_pton(AF_INET, address.c_str(), &out.sin_addr) != 1) {
    throw std::system_error(EINVAL, std::generic_category(), address);
  }
  return out;
}

template <typename T>
void assign(sockaddr& out, const T& address) {
  static_assert(sizeof address <= sizeof out);
  std::memcpy(&out, &address, sizeof address);
}

sockaddr hardware(std::uint32_t host) {
  sockaddr out{};
  out.sa_family = ARPHRD_ETHER;
  const auto address = hardware_address(host);
  std::copy(address.begin(), address.end(), out.sa_data);
  return out;
}

void bring_up(int socket, const char* device) {
  ifreq request = request_for(device);
  checked(ioctl(socket, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  checked(ioctl(socket, SIOCSIFFLAGS, &request), std::string("up ") + device);
}

int open_device(const DevicePlan& plan) {
  const int device = checked(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun");
  ifreq request = request_for(device_name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  checked(ioctl(device, TUNSETIFF, &request), "TUNSETIFF");
  // Checksums need not be made: nothing can damage a frame here.
  const unsigned long offload = TUN_F_CSUM | (plan.segments ? TUN_F_TSO4 | TUN_F_TSO6 : 0u);
  checked(ioctl(device, TUNSETOFFLOAD, offload), "TUNSETOFFLOAD");
  return device;
}

void configure(int socket, std::uint32_t number, const std::vector<HostPlan>& plans,
               const DevicePlan& devices) {
  bring_up(socket, "lo");
  ifreq request = request_for(device_name);
  request.ifr_hwaddr = hardware(number);
  checked(ioctl(socket, SIOCSIFHWADDR, &request), "SIOCSIFHWADDR");
  request.ifr_mtu = devices.mtu;
  checked(ioctl(socket, SIOCSIFMTU, &request), "SIOCSIFMTU");
  request.ifr_qlen = queue_frames;
  checked(ioctl(socket, SIOCSIFTXQLEN, &request), "SIOCSIFTXQLEN");
  assign(request.ifr_addr, internet(plans[number].address));
  checked(ioctl(socket, SIOCSIFADDR, &request), "SIOCSIFADDR " + plans[number].address);
  assign(request.ifr_netmask, internet(devices.netmask));
  checked(ioctl(socket, SIOCSIFNETMASK, &request), "SIOCSIFNETMASK");
  bring_up(socket, device_name);
  for (std::uint32_t other = 0; other < plans.size(); ++other) {
    if (other == number) continue;
    arpreq entry{};
    assign(entry.arp_pa, internet(plans[other].address));
    entry.arp_ha = hardware(other);
    entry.arp_flags = ATF_COM | ATF_PERM;
    std::strncpy(entry.arp_dev, device_name, sizeof entry.arp_dev - 1);
    checked(ioctl(socket, SIOCSARP, &entry), "SIOCSARP");
  }
}
}  // namespace

std::vector<Host> open_hosts(const std::vector<HostPlan>& plans, const DevicePlan& devices) {
  std::vector<Host> hosts;
  for (std::uint32_t number = 0; number < plans.size(); ++number) {
    checked(unshare(CLONE_NEWNET), "a network namespace");
    Host host;
    host.space = checked(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "/proc");
    host.device = open_device(devices);
    const int socket = checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    configure(socket, number, plans, devices);
    close(socket);
    hosts.push_back(host);
  }
  return hosts;
}

}  // namespace star
